import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { whyNoNamespaces } from './nemesis/enter.ts'

/** The short form of `npm run test:nemesis`. */
const why = whyNoNamespaces()
if (why !== undefined) {
  process.stderr.write(`SKIPPED: the nemesis tests nothing here, because ${why}.\n`)
}

it.skipIf(why !== undefined)(
  'loses, doubles and contradicts nothing while processes die and networks break',
  () => {
    const out = mkdtempSync(join(tmpdir(), 'holdfast-nemesis-short-'))
    const program = join(import.meta.dirname, 'nemesis', 'main.ts')
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', 'tsx', program, '--rounds', '2', '--seed', '3', '--out', out],
      { encoding: 'utf8', timeout: 280_000 },
    )
    expect(stdout, stderr).toContain('rounds that came to rest')
    expect(status, stdout).toBe(0)
    rmSync(out, { recursive: true, force: true })
  },
  300_000,
)
