import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { killRounds } from './rounds.ts'

/** `npm run test:durability -- --rounds 50 --writes 10000`: prints what was tried as JSON. */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    writes: { type: 'string', default: '10000' },
    writers: { type: 'string', default: '8' },
  },
})
const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-durability-'))
const begin = performance.now()
const outcome = await killRounds({
  dataDir,
  rounds: Number(values.rounds),
  writes: Number(values.writes),
  writers: Number(values.writers),
  random: Math.random,
  note: (line) => process.stderr.write(`${line}\n`),
})
const seconds = Math.round((performance.now() - begin) / 1000)
process.stdout.write(`${JSON.stringify({ ...outcome, seconds }, null, 2)}\n`)
if (outcome.broken.length === 0) rmSync(dataDir, { recursive: true, force: true })
else {
  process.stderr.write(`What the region left is kept in ${dataDir}\n`)
  process.exitCode = 1
}
