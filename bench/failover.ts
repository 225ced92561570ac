import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type ApiClient, createClient } from '../src/api/client.ts'
import type { GroupStatus, Operation, OperationType } from '../src/api/contract.ts'
import { ScoringTraffic } from '../src/cli/demo/traffic.ts'
import { scoringPayload } from '../src/cli/demo/workspace-calls.ts'
import { isHoldfastError } from '../src/model/errors.ts'
import {
  createProtectedPair,
  type ProtectedPair,
  type RegionPair,
  startRegionPair,
} from '../test/faults/protected-pair.ts'
import type { Bench, BenchContext, Figure } from './bench.ts'
import { percentile } from './latency.ts'

type Side = 'east' | 'west'
const regionNames = { east: 'eastus', west: 'westus' } as const
const endpoint = 'fraud-scoring'

/** Design section 8; seconds. */
const budgets = { 'hot-hot': 1, 'hot-warm': 5, 'hot-cold': 30 } as const
type Strategy = keyof typeof budgets

interface Round {
  /** Seconds from the accepted failover to the first good answer of the other region. */
  readonly answerS: number
  readonly sent: number
  readonly failed: number
}

/**
 * Power cut to first answer, with everything real: two region processes, a controller, a gateway, and
 * requests all the while. Rounds go to and fro: what was the secondary is the primary of the next one.
 */
export const failover: Bench = {
  name: 'failover',
  what: 'SIGKILL of the primary region, decision to first good answer through the gateway, by strategy',
  async run(context) {
    const figures: Figure[] = []
    const { shapes, full, runs = full ? 20 : 3 } = context
    const strategies = Object.keys(budgets) as Strategy[]
    for (const strategy of strategies) {
      if (shapes.length > 0 && !shapes.includes(strategy)) continue
      const rounds = await measure(strategy, runs, context)
      figures.push(...figuresOf(strategy, rounds))
    }
    return figures
  },
}

function figuresOf(strategy: Strategy, rounds: readonly Round[]): Figure[] {
  const seconds = rounds.map(({ answerS }) => answerS)
  const shares = rounds.map(({ sent, failed }) => ({ sent, failed }))
  const most = Math.max(...shares.map(({ failed }) => failed))
  return [
    {
      what: `${strategy}: decision to first answer, median of ${rounds.length}`,
      ...{ value: percentile(seconds, 0.5), unit: 's', atMost: budgets[strategy] },
    },
    {
      what: `${strategy}: the same, worst`,
      ...{ value: Math.max(...seconds), unit: 's', atMost: budgets[strategy] },
    },
    { what: `${strategy}: requests failed in one round, most`, value: most, unit: 'x' },
  ]
}

async function measure(
  strategy: Strategy,
  count: number,
  context: BenchContext,
): Promise<readonly Round[]> {
  const pair = await startRegionPair(join(context.dir, strategy))
  try {
    const group = await createProtectedPair(pair, 'bench')
    await group.stopGateway()
    const plan = readFileSync(group.planFile, 'utf8')
    writeFileSync(
      group.planFile,
      plan.replace('online-endpoint, strategy: hot-cold', `online-endpoint, strategy: ${strategy}`),
    )
    const stage = await setUp(pair, group)
    const rounds: Round[] = []
    let primary: Side = 'east'
    for (let round = 1; round <= count; round += 1) {
      const result = await playRound(stage, primary)
      rounds.push(result)
      const { answerS, sent, failed } = result
      context.note(
        `${strategy} ${round}: ${answerS.toFixed(2)} s, ${failed} of ${sent} requests failed`,
      )
      const old: Side = primary
      primary = old === 'east' ? 'west' : 'east'
      if (round < count) await bringBack(stage, old, strategy)
    }
    return rounds
  } finally {
    await pair.processes.stopAll()
  }
}

interface Stage {
  readonly pair: RegionPair
  readonly group: ProtectedPair
  readonly client: ApiClient
  readonly url: string
  readonly key: string
}

async function setUp(pair: RegionPair, group: ProtectedPair): Promise<Stage> {
  const where = ['--plan', group.planFile, '--state', group.stateDir]
  await pair.processes.start('controller', [
    ...['controller', ...where, '--listen', '127.0.0.1:0', '--sync-every', '1h'],
    ...['--probe-every', '1s', '--exit-with-parent', '--json'],
  ])
  const note = JSON.parse(readFileSync(join(group.stateDir, 'controller.json'), 'utf8'))
  const client = createClient(note as { url: string; token: string })
  await done(client, 'sync')
  const gateway = await pair.processes.start('gateway', [
    ...['gateway', ...where, '--exit-with-parent', '--json'],
  ])
  const east = await group.openEast()
  const keys = await east.readSecrets({ kind: 'online-endpoint', path: [endpoint] })
  await east.close()
  const url = `${String(gateway.origin)}/endpoints/${endpoint}/score`
  return { pair, group, client, url, key: String(keys?.reveal().primaryKey) }
}

async function playRound(stage: Stage, primary: Side): Promise<Round> {
  const { pair, client, url, key } = stage
  const target = primary === 'east' ? 'west' : 'east'
  const steady = new ScoringTraffic(url, key, scoringPayload)
  steady.start(20)
  await until(() => (steady.summary().answered > 20 ? true : undefined))
  await pair.processes.cutPower(primary)
  const decidedAt = await decide(client)
  const after = new ScoringTraffic(url, key, scoringPayload)
  after.start(50)
  const answeredAt = await until(() => after.summary().firstAnswerFrom[target])
  await after.stop()
  await over(client, 'failover')
  const { sent, failed } = await steady.stop()
  return { answerS: Math.max(0, answeredAt - decidedAt) / 1000, sent, failed }
}

/** Asks until it is accepted: before the probes have seen the outage it is refused. */
async function decide(client: ApiClient): Promise<number> {
  return until(async () => {
    const askedAt = Date.now()
    try {
      await client.start('bench', 'failover')
      return askedAt
    } catch (error) {
      if (isHoldfastError(error) && error.code === 'failover.source-answers') return undefined
      throw error
    }
  })
}

/** The old primary comes back, is protected by nothing, and becomes the secondary. */
async function bringBack({ pair, group, client }: Stage, old: Side, strategy: Strategy) {
  await pair.processes.start(old, [
    ...['region', 'start', '--name', regionNames[old], '--data', join(pair.folder, old)],
    ...['--ca-dir', join(pair.folder, 'ca'), '--exit-with-parent', '--json'],
  ])
  await until(async () =>
    (await statusOf(client)).members.every(({ health }) => health === 'healthy') ? true : undefined,
  )
  await done(client, 'reprotect')
  if (strategy === 'hot-cold') await makeCold(old === 'east' ? group.openEast : group.openWest)
  await done(client, 'sync')
}

/** It was primary, so the endpoint still stands there; a cold secondary has none. */
async function makeCold(open: ProtectedPair['openEast']): Promise<void> {
  const workspace = await open()
  const id = { kind: 'online-endpoint', path: [endpoint] } as const
  await workspace.deleteObject(id, { epoch: 1 })
  await until(async () => ((await workspace.getObject(id)) === undefined ? true : undefined))
  await workspace.close()
}

async function done(client: ApiClient, type: OperationType): Promise<void> {
  const { id } = await client.start('bench', type)
  await ended(client, id)
}

async function over(client: ApiClient, type: OperationType): Promise<void> {
  const [newest] = (await client.operations({ group: 'bench' })).items.filter(
    (one) => one.type === type,
  )
  if (newest !== undefined) await ended(client, newest.id)
}

async function ended(client: ApiClient, id: string): Promise<void> {
  const operation = await until(async (): Promise<Operation | undefined> => {
    const found = await client.operation(id)
    return found.outcome === null ? undefined : found
  })
  if (operation.outcome !== 'complete')
    throw new Error(
      `${operation.type} was ${operation.outcome}: ${JSON.stringify(operation.error)}`,
    )
}

async function statusOf(client: ApiClient): Promise<GroupStatus> {
  const [found] = (await client.status()).groups
  if (found === undefined) throw new Error('the controller has no group')
  return found
}

const patienceMs = 180_000

async function until<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const end = Date.now() + patienceMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > end) throw new Error(`it did not come to that: ${look}`)
    await delay(20)
  }
}
