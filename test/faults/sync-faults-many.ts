import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { randomOf } from '../simulation/random.ts'
import { startRegionPair } from './protected-pair.ts'
import { faultNames } from './sync-fault-kinds.ts'
import { disturbSyncs, type SyncRound } from './sync-faults.ts'

/** `npm run test:sync-faults -- --rounds 5 --seed 1 [--only throttle]`: the seed repeats them. */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    only: { type: 'string', multiple: true, default: faultNames },
  },
})
const seed = Number(values.seed)
console.log(`sync faults: ${values.rounds} rounds of each kind, seed ${seed}`)

const done: SyncRound[] = []
for (const fault of values.only) {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-sync-faults-'))
  const pair = await startRegionPair(folder)
  try {
    done.push(
      ...(await disturbSyncs(
        pair,
        fault,
        Number(values.rounds),
        randomOf(seed + faultNames.indexOf(fault)),
      )),
    )
  } finally {
    await pair.processes.stopAll()
    rmSync(folder, { recursive: true, force: true })
  }
  console.log(
    `${fault}: ${done
      .filter((round) => round.fault === fault)
      .map(resultOf)
      .join(', ')}`,
  )
}

const table = new Table({
  head: ['fault', 'rounds', 'equal', 'syncs until quiet', 'looks of the witness', 'seconds'],
  style: { head: [], border: [] },
})
for (const fault of values.only) {
  const rounds = done.filter((round) => round.fault === fault)
  table.push([
    fault,
    rounds.length,
    rounds.filter(({ broken }) => broken.length === 0).length,
    rounds.map(({ syncs }) => syncs).join(' '),
    rounds.reduce((sum, { looks }) => sum + looks, 0),
    rounds.map(({ ms }) => Math.round(ms / 1000)).join(' '),
  ])
}
console.log(table.toString())
const broken = done.filter((round) => round.broken.length > 0)
for (const { fault, round, broken: what } of broken) console.log(fault, round, what.slice(0, 20))
process.exitCode = broken.length === 0 ? 0 : 1

function resultOf({ broken, syncs }: SyncRound): string {
  return broken.length === 0 ? `equal after ${syncs}` : `BROKEN ${broken[0]}`
}
