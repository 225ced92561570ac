import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { failOverWithKills, type KillRound, protect, type World } from './kill-controller.ts'
import { type ProtectedPair, startRegionPair } from './protected-pair.ts'

/** `npm run test:kills -- --rounds 200 --seed 1`: kills at random instants; the seed repeats them. */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    batch: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    out: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const seed = Number(values.seed)
const random = mulberry32(seed)
console.log(`kills: ${rounds} rounds, seed ${seed}`)

const done: KillRound[] = []
let reference: World | undefined
while (done.length < rounds) {
  const size = Math.min(Number(values.batch), rounds - done.length)
  done.push(...(await batch(size)))
}
const kills = done.reduce((sum, round) => sum + round.kills.length, 0)
const broken = done.filter((round) => round.differences.length > 0)
const incomplete = done.filter((round) => round.operation.outcome !== 'complete')
const starts = done.map((round) => round.world.successorStarts.length)
const summary = {
  ...{ seed, rounds: done.length, kills },
  otherWorld: broken.length,
  notComplete: incomplete.length,
  jobsResubmittedOnce: starts.filter((count) => count === 1).length,
  jobsLost: starts.filter((count) => count === 0).length,
  jobsDoubled: starts.filter((count) => count > 1).length,
}
console.log(JSON.stringify(summary, null, 2))
for (const { group, kills, differences } of broken) console.log(group, kills, differences)
for (const { group, operation } of incomplete) console.log(group, JSON.stringify(operation))
if (values.out !== undefined) writeFileSync(values.out, JSON.stringify({ summary, done }, null, 2))
process.exitCode = broken.length + incomplete.length === 0 ? 0 : 1

/** Regions are shared by a batch of groups: all are protected, then the power is cut once. */
async function batch(size: number): Promise<KillRound[]> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-kills-'))
  const pair = await startRegionPair(folder)
  try {
    const groups: ProtectedPair[] = []
    for (let i = 0; i <= size; i += 1) groups.push(await protect(pair, `g${i}x`.padEnd(5, 'x')))
    await pair.processes.cutPower('east')
    const [calm, ...killed] = groups
    if (calm === undefined) throw new Error('a batch has at least one group')
    const undisturbed = await failOverWithKills(calm, [], reference)
    if (undisturbed.operation.outcome !== 'complete') throw new Error('the calm failover failed')
    reference ??= undisturbed.world
    const made: KillRound[] = []
    for (const group of killed) {
      const round = await failOverWithKills(group, instants(), reference)
      made.push(round)
      const ok = round.differences.length === 0 && round.operation.outcome === 'complete'
      console.log(
        `${done.length + made.length}/${rounds} killed at ${round.kills} ms: ${ok ? 'same world' : 'DIFFERENT'}`,
      )
    }
    return made
  } finally {
    await pair.processes.stopAll()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** One to three kills, most of them within the second that a failover takes. */
function instants(): number[] {
  const count = 1 + Math.floor(random() * 3)
  return Array.from({ length: count }, () => Math.floor(random() ** 2 * 1500))
}

function mulberry32(start: number): () => number {
  let state = start
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
