import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { signReport } from '../evidence/report-signature.ts'
import { readOrMakeSigningKey, type SigningKey } from '../evidence/signing-key.ts'
import { buildBundle, runCli } from './testing/run-cli.ts'

let dir: string
let key: SigningKey
const content = { json: '{"run":"r"}', html: '<!doctype html>' }

beforeAll(buildBundle, 120_000)
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-report-'))
  key = await readOrMakeSigningKey(join(dir, '.holdfast'))
  const environment = {
    ...{ holdfast: '1', node: 'v20', platform: 'p', database: 'd', planDigest: 'x' },
    members: [{ name: 'east', workspace: '/east' }],
  }
  const facts = { run: 'r', group: 'g', signedAt: '2026-01-01T00:00:00.000Z', environment }
  const signature = signReport({ ...facts, auditHead: null }, content, key)
  writeFileSync(join(dir, 'r.json'), content.json)
  writeFileSync(join(dir, 'r.html'), content.html)
  writeFileSync(join(dir, 'r.json.sig'), JSON.stringify(signature))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const verify = async (...args: string[]) => {
  const { code, stdout } = await runCli(['report', 'verify', ...args, '--json'], { cwd: dir })
  return { code, ...JSON.parse(stdout) }
}
const change = (file: string, from: string, to: string) =>
  writeFileSync(join(dir, file), readFileSync(join(dir, file), 'utf8').replace(from, to))

it('holds by any of its files and without the page, with the key of the state or a given one', async () => {
  for (const file of ['r.json', 'r.html', 'r.json.sig'])
    expect(await verify(file)).toMatchObject({ code: 0, holds: true, json: 'whole', html: 'whole' })
  writeFileSync(join(dir, 'given.pub'), key.publicKey)
  rmSync(join(dir, '.holdfast'), { recursive: true })
  rmSync(join(dir, 'r.html'))
  expect(await verify('r.json', '--key', 'given.pub')).toMatchObject({ code: 0, html: 'absent' })
  expect(await verify('r.json')).toMatchObject({ code: 2, error: { code: 'usage.file' } })
})

it('does not hold when report, page or what is said of them was changed', async () => {
  change('r.html', 'html', 'HTML')
  expect(await verify('r.json')).toMatchObject({ code: 8, html: 'changed', json: 'whole' })
  change('r.html', 'HTML', 'html')
  change('r.json', '"r"', '"s"')
  expect(await verify('r.json')).toMatchObject({ code: 8, holds: false, json: 'changed' })
  change('r.json', '"s"', '"r"')
  change('r.json.sig', 'v20', 'v22')
  expect(await verify('r.json')).toMatchObject({ code: 8, holds: false, signature: 'forged' })
})

it('does not take another key for the one that signed', async () => {
  const other = await readOrMakeSigningKey(join(dir, 'other'))
  writeFileSync(join(dir, 'other.pub'), other.publicKey)
  const refused = await verify('r.json', '--key', 'other.pub')
  expect(refused).toMatchObject({ code: 4, error: { code: 'report.other-key' } })
})
