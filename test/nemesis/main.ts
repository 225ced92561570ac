import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { randomOf } from '../simulation/random.ts'
import { endpoint, ScoringClient, Writer } from './clients.ts'
import { runInside, whyNoNamespaces } from './enter.ts'
import { buildNetwork } from './network.ts'
import { playRound, type RoundResult } from './round.ts'
import { isClean, tableOf } from './table.ts'
import { Witness } from './witness.ts'
import { buildWorld } from './world.ts'

const usage = `npm run test:nemesis -- [--rounds 20] [--seed 1] [--world 25] [--controllers 2] [--out FOLDER]

  --rounds       how many
  --seed         the same seed strikes the same blows in the same order
  --first        round to begin with, to see one again: --seed S --first 17 --rounds 1
  --world        rounds that share one world before a new one is built
  --out          where the logs of rounds that went wrong are kept`

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    first: { type: 'string', default: '1' },
    world: { type: 'string', default: '25' },
    controllers: { type: 'string', default: '1' },
    out: { type: 'string', default: join(tmpdir(), 'holdfast-nemesis') },
    inside: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds)
const seed = Number(values.seed)
const first = Number(values.first)
const worldSize = Number(values.world)
const say = (line: string) => process.stdout.write(`${line}\n`)

if (values.help) say(usage)
else if (!values.inside) process.exitCode = await enter()
else {
  process.on('SIGTERM', () => process.exit(143))
  process.exit(await campaign())
}

async function enter(): Promise<number> {
  const why = whyNoNamespaces()
  if (why !== undefined) {
    say(`SKIPPED: the nemesis tests nothing here, because ${why}.`)
    return 0
  }
  const words = [process.execPath, ...process.execArgv, ...process.argv.slice(1), '--inside']
  return runInside(words, process.env)
}

async function campaign(): Promise<number> {
  await buildNetwork()
  const done: RoundResult[] = []
  for (let round = first; round < first + rounds; ) {
    // Worlds begin at the same rounds whatever the campaign begins with.
    const left = worldSize - ((round - 1) % worldSize)
    const played = await playWorld(round, Math.min(left, first + rounds - round))
    done.push(...played.results)
    round = played.next
  }
  say(tableOf(done, seed))
  return done.length === rounds && done.every(isClean) ? 0 : 1
}

/** Rounds that share one world. A round that does not settle ends the world, not the campaign. */
async function playWorld(
  from: number,
  count: number,
): Promise<{ readonly results: readonly RoundResult[]; readonly next: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-nemesis-world-'))
  const random = randomOf(seed * 7919 + Math.floor((from - 1) / worldSize))
  const automatic = random.chance(0.4)
  const world = await buildWorld(folder, { automatic, controllers: Number(values.controllers) })
  const lines: string[] = []
  const note = (line: string) => lines.push(`${new Date().toISOString()} ${line}`)
  const key = await world.workspaces.east.readSecrets({ kind: 'online-endpoint', path: [endpoint] })
  const scene = {
    ...{ world, say: note },
    writer: new Writer(world),
    scoring: new ScoringClient(world, String(key?.reveal().primaryKey)),
    witness: new Witness(world),
  }
  const done: RoundResult[] = []
  let next = from
  try {
    while (next < from + count) {
      const round = next++
      const result = await playRound(scene, round, randomOf(seed * 100_003 + round))
      done.push(result)
      say(lineOf(result))
      if (isClean(result)) continue
      keep(folder, round, lines, result)
      break
    }
  } catch (error) {
    const round = next - 1
    say(`round ${round}: ${error instanceof Error ? error.message : String(error)}`)
    keep(folder, round, lines, error)
  } finally {
    await scene.writer.pause()
    await scene.scoring.stop()
    await scene.witness.stop()
    await world.close()
    rmSync(folder, { recursive: true, force: true })
  }
  return { results: done, next }
}

function lineOf(result: RoundResult): string {
  const { round, asked, settling, gapMs, tookMs, acknowledged } = result
  const verdict = isClean(result) ? 'clean' : 'BROKEN'
  return `round ${round}: ${verdict}; ${asked}; ${acknowledged} writes; gap ${gapMs} ms; then ${settling.join(', ')}; ${(tookMs / 1000).toFixed(1)} s`
}

function keep(folder: string, round: number, lines: readonly string[], result: unknown): void {
  const out = join(values.out, `seed-${seed}-round-${round}`)
  mkdirSync(out, { recursive: true })
  for (const file of readdirSync(folder).filter((name) => /\.(log|txt|json|yaml)$/.test(name)))
    copyFileSync(join(folder, file), join(out, file))
  writeFileSync(join(out, 'round.txt'), `${lines.join('\n')}\n`)
  writeFileSync(
    join(out, 'findings.json'),
    JSON.stringify(result instanceof Error ? String(result.stack) : result, null, 2),
  )
  say(`logs: ${out}`)
  say(`again: npm run test:nemesis -- --seed ${seed} --first ${round} --rounds 1`)
}
