import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { ApiClient } from '../../src/api/client.ts'
import type { GroupStatus, Operation, OperationType } from '../../src/api/contract.ts'
import { isHoldfastError } from '../../src/model/errors.ts'
import { controllerNames, type World } from './world.ts'

const patienceMs = 5000

/** The status as the first controller that answers gives it. */
export async function look(
  world: World,
): Promise<{ readonly client: ApiClient; readonly status: GroupStatus } | undefined> {
  for (const name of controllerNames.filter((each) => world.stations.has(each))) {
    const client = world.controller(name)
    const found = await client
      .status({ signal: AbortSignal.timeout(patienceMs) })
      .catch(() => undefined)
    const [status] = found?.groups ?? []
    if (status !== undefined) return { client, status }
  }
  return undefined
}

/** Asks again and again, as somebody at three in the morning does, until it is accepted. */
export async function command(
  world: World,
  type: OperationType,
  until: number,
): Promise<Operation | undefined> {
  // A human who knows better than the probes does not wait for them.
  const request = { force: type === 'failover' }
  // One key: what was accepted and not answered is not asked for twice.
  const idempotencyKey = randomUUID()
  while (Date.now() < until) {
    for (const name of controllerNames.filter((each) => world.stations.has(each))) {
      const signal = AbortSignal.timeout(patienceMs)
      try {
        return await world
          .controller(name)
          .start(world.group, type, request, { idempotencyKey, signal })
      } catch (error) {
        if (!isHoldfastError(error) && !signal.aborted) throw error
      }
    }
    await delay(300)
  }
  return undefined
}

export interface Settled {
  readonly status: GroupStatus
  /** What had to be asked for. */
  readonly asked: readonly string[]
}

/**
 * What an operator does after the storm: lets what runs come to its end, finishes what failed,
 * protects the group again and syncs until everything is proven. Throws when that leads nowhere.
 */
export async function settle(world: World, limitMs: number): Promise<Settled> {
  const until = Date.now() + limitMs
  const asked: string[] = []
  let seen: GroupStatus | undefined
  while (Date.now() < until) {
    const found = await look(world)
    seen = found?.status
    if (found !== undefined && isCalm(found.status)) {
      if (world.automatic) await found.client.acknowledge(world.group).catch(() => undefined)
      const next = nextOf(found.status)
      const operation = await ask(world, found.client, next)
      asked.push(`${next} ${comeOf(operation)}`)
      if (next === 'sync' && !(operation instanceof Error) && operation.outcome === 'complete') {
        const after = (await look(world))?.status
        if (after !== undefined && isProven(after)) return { status: after, asked }
      }
    }
    await delay(300)
  }
  throw new Error(
    `did not settle in ${limitMs / 1000} s: asked ${asked.join(', ')}; ${JSON.stringify(summary(seen))}`,
  )
}

/** What came of it; of a failure, where and why. */
function comeOf(operation: Operation | Error): string {
  if (operation instanceof Error) {
    return isHoldfastError(operation) ? operation.code : operation.message
  }
  const { outcome, error, steps } = operation
  const failed = steps.find(({ status }) => status === 'failed')
  if (outcome === 'partial') return `partial (${steps.map(({ detail }) => detail).join(' ')})`
  return `${outcome}${error ? ` (${failed?.id}: ${error.code} ${error.message})` : ''}`
}

const isCalm = ({ operation, members }: GroupStatus): boolean =>
  (operation === null || operation.outcome !== null) &&
  members.every(({ health }) => health === 'healthy')

const isProven = ({ protection }: GroupStatus): boolean =>
  protection === 'protected' || protection === 'reversed'

const moves: readonly string[] = ['failover', 'switchover', 'failback', 'reprotect']

/** A move that failed is finished; a group without protection gets it; then everything is proven. */
function nextOf({ operation, protection, findings, counts, epoch }: GroupStatus): OperationType {
  if (operation !== null && operation.outcome === 'failed' && moves.includes(operation.type)) {
    if (operation.type !== 'failover' || operation.epoch > 0) {
      if (!isDoneWith(operation, protection)) return operation.type
    }
  }
  const isLeftBehind = findings.some(({ rule }) => rule === 'unsalvaged')
  // A job that nobody moved went on at the old primary after that was salvaged.
  const wentOn = epoch > 1 && counts.some(({ conflict }) => conflict > 0)
  return protection === 'unprotected' || isLeftBehind || wentOn ? 'reprotect' : 'sync'
}

/** A failover that failed before it began its epoch has left everything as it was. */
const isDoneWith = ({ type }: Operation, protection: GroupStatus['protection']): boolean =>
  type === 'failover' && protection !== 'unprotected'

async function ask(
  world: World,
  client: ApiClient,
  type: OperationType,
): Promise<Operation | Error> {
  try {
    const request = type === 'sync' ? { full: true } : {}
    const signal = AbortSignal.timeout(patienceMs)
    const started = await client.start(world.group, type, request, { signal })
    return await untilOver(client, started)
  } catch (error) {
    if (error instanceof Error) return error
    throw error
  }
}

async function untilOver(client: ApiClient, started: Operation): Promise<Operation> {
  let operation = started
  for (let look = 0; look < 300 && operation.outcome === null; look += 1) {
    await delay(100)
    operation = await client.operation(operation.id, { signal: AbortSignal.timeout(patienceMs) })
  }
  return operation
}

function summary(status: GroupStatus | undefined) {
  if (status === undefined) return 'no controller answers'
  const { epoch, effectivePrimary, protection, members, operation, counts, lastPass } = status
  return {
    ...{ epoch, effectivePrimary, protection },
    members: members.map(({ name, health, reason }) => `${name} ${health} ${reason}`),
    operation: operation && {
      ...{ type: operation.type, status: operation.status, outcome: operation.outcome },
      ...{ error: operation.error, waitingFor: operation.waitingFor },
      step: operation.steps.find((step) => !['done', 'skipped'].includes(step.status)),
    },
    unproven: counts.filter(({ failed, conflict, pending }) => failed + conflict + pending > 0),
    lastPass,
  }
}
