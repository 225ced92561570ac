import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseFile, readFolder } from './read-folder.ts'
import { withSecrets } from './secret-references.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-read-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const write = (name: string, text: string): string => {
  const file = join(folder, name)
  writeFileSync(file, text)
  return file
}

describe('parseFile', () => {
  it('leaves YAML of other tools alone, also when an alias in it leads nowhere', async () => {
    const file = write('conda.yml', '*-')
    expect(await parseFile(file)).toBeUndefined()
    rmSync(file)
  })

  it('reads a quoted text that goes on at the start of a line, as the official client does', async () => {
    const file = write('a.yml', 'jobs:\n  a:\n    prefix: "one \\\ntwo\nthree"\n    next: 1\n')
    expect(await parseFile(file)).toEqual({ jobs: { a: { prefix: 'one two three', next: 1 } } })
  })

  it('still names a quote that never ends', async () => {
    const file = write('b.yml', '$schema: x\nname: "never\nends\n')
    expect(await parseFile(file)).toMatchObject({ code: 'specification.syntax' })
    const { mistakes } = await readFolder(folder)
    expect(mistakes.map(({ code }) => code)).toEqual(['specification.syntax'])
  })
})

describe('withSecrets', () => {
  const given = { credentials: { account_key: '${' + 'HOLDFAST_SECRET_A}', name: '${' + 'OTHER}' } }

  it('fills in the secrets that an export named, and nothing else', () => {
    expect(withSecrets(given, { HOLDFAST_SECRET_A: 's', OTHER: 'o' }, 'f')).toEqual({
      credentials: { account_key: 's', name: '${' + 'OTHER}' },
    })
  })

  it('refuses to store the name of a secret as the secret', () => {
    const missing = { code: 'specification.secret-missing', place: 'f.credentials.account_key' }
    expect(() => withSecrets(given, {}, 'f')).toThrow(expect.objectContaining(missing))
  })
})
