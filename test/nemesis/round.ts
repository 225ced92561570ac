import { setTimeout as delay } from 'node:timers/promises'
import type { Operation, OperationType } from '../../src/api/contract.ts'
import type { Random } from '../simulation/random.ts'
import type { ScoringClient, Writer } from './clients.ts'
import { writableMember } from './clients.ts'
import { type Findings, findings } from './findings.ts'
import { jobBody } from './jobs.ts'
import { describe, type Misfortune, misfortunesOf, suffer } from './misfortunes.ts'
import type { NodeName } from './network.ts'
import { command, look, settle } from './settle.ts'
import type { Witness } from './witness.ts'
import type { World } from './world.ts'

export interface Scene {
  readonly world: World
  readonly writer: Writer
  readonly scoring: ScoringClient
  readonly witness: Witness
  /** Says what happens, into the log of the round. */
  readonly say: (line: string) => void
}

export interface RoundResult extends Findings {
  readonly round: number
  readonly asked: string
  readonly misfortunes: readonly string[]
  readonly settling: readonly string[]
  readonly gapMs: number
  readonly tookMs: number
}

const stormMs = 8000
const settleLimitMs = 120_000

export async function playRound(scene: Scene, round: number, random: Random): Promise<RoundResult> {
  const { world, writer, scoring, say } = scene
  const startedAt = Date.now()
  const before = await look(world)
  if (before === undefined) throw new Error('no controller answers before the round')
  const type = operationOf(random, before.status.effectivePrimary, world.automatic)
  const misfortunes = [
    ...outageFor(random, type, before.status.effectivePrimary),
    ...misfortunesOf(random, [...world.stations.keys()]),
  ]
  say(`round ${round}: ${type}; ${misfortunes.map(describe).join('; ')}`)
  scoring.takeLongestGap()
  writer.start()
  const job = `train-${round}`
  await submit(scene, job)
  const asking = ask(scene, type, random.below(3000), startedAt + stormMs + 30_000)
  await suffer(world, misfortunes, say)
  const operation = await asking
  say(`asked: ${type} ${operation?.id ?? 'nothing was accepted'}`)
  await writer.pause()
  const { status, asked } = await settle(world, settleLimitMs)
  say(`settled: ${asked.join(', ')}; ${status.effectivePrimary} in epoch ${status.epoch}`)
  return {
    ...(await findings(scene, status.effectivePrimary as 'east' | 'west', startedAt)),
    ...{ round, asked: type, settling: asked, misfortunes: misfortunes.map(describe) },
    ...{ gapMs: scoring.takeLongestGap(), tookMs: Date.now() - startedAt },
  }
}

type Asked = OperationType | 'nothing'

function operationOf(random: Random, primary: string, automatic: boolean): Asked {
  if (automatic && random.chance(0.5)) return 'nothing'
  const planned = primary === 'east' ? 'switchover' : 'failback'
  return random.pick<Asked>(['failover', 'failover', planned, planned, 'sync'])
}

/** What makes a failover necessary. */
function outageFor(random: Random, type: Asked, primary: string): Misfortune[] {
  if (type !== 'failover' && type !== 'nothing') return []
  const kind = random.pick(['kill', 'isolate', 'freeze'] as const)
  // Nobody is there to force it: long enough for three rounds of probes, the votes and the grace.
  const lasts = type === 'nothing' ? 14_000 : 4000 + random.below(6000)
  return [{ at: 200, lasts, what: { kind, node: primary as NodeName } }]
}

async function submit({ world, writer }: Scene, name: string): Promise<void> {
  const member = writableMember(world)
  if (member === undefined) return
  await writer.attempt({ kind: 'job', name, member, at: 0 }, (workspace, signal) =>
    workspace.submitJob(name, jobBody(world, member, name), { epoch: 1, signal }),
  )
}

async function ask(
  { world }: Scene,
  type: Asked,
  afterMs: number,
  until: number,
): Promise<Operation | undefined> {
  if (type === 'nothing') return undefined
  await delay(afterMs)
  const operation = await command(world, type, type === 'failover' ? until - 30_000 : until)
  return operation
}
