import { HoldfastError } from '../../src/model/errors.ts'
import { cancelledError } from '../../src/workspace/cancellation.ts'
import { interceptWorkspace, type WorkspaceCall } from '../../src/workspace/decorators/intercept.ts'
import type { ProbeResult, Run, Workspace } from '../../src/workspace/workspace.ts'
import type { Random } from './random.ts'
import type { Event, MemberName, Watcher } from './scenario.ts'
import type { Schedule } from './schedule.ts'

/** Which misfortunes last at this moment. */
export interface Network {
  begin(event: Event & { readonly forMs: number }): void
  isDown(member: MemberName): boolean
  /** A request of this watcher would be answered. */
  answers(watcher: Watcher, member: MemberName): boolean
  /** What a probe of this watcher says, lies included. */
  seems(watcher: Watcher, member: MemberName): boolean
  find<Is extends Event['is']>(is: Is, member: MemberName): readonly Extract<Event, { is: Is }>[]
}

export function createNetwork(schedule: Schedule): Network {
  const lasting = new Set<Event>()
  const find = <Is extends Event['is']>(is: Is, member: MemberName) =>
    [...lasting].filter(
      (one): one is Extract<Event, { is: Is }> =>
        one.is === is && 'member' in one && one.member === member,
    )
  const isDown = (member: MemberName) => find('down', member).length > 0
  const answers = (watcher: Watcher, member: MemberName) =>
    !isDown(member) && !find('partition', member).some((one) => one.watcher === watcher)
  return {
    begin: (event) => {
      lasting.add(event)
      schedule.at(schedule.now() + event.forMs, () => lasting.delete(event))
    },
    isDown,
    answers,
    seems: (watcher, member) =>
      find('lie', member).find((one) => one.watcher === watcher)?.healthy ??
      answers(watcher, member),
    find,
  }
}

/** One process as its calls know it. */
export interface Process {
  readonly name: Watcher
  /** Resolves at once, after a pause, or (dead) never. */
  alive(): Promise<void>
}

interface Wire {
  readonly schedule: Schedule
  readonly network: Network
  readonly random: Random
}

/** A region as one process reaches it: requests and answers take time, and may not arrive. */
export function wired(wire: Wire, process: Process, region: Workspace): Workspace {
  return interceptWorkspace(region, async (call, next) => {
    await process.alive()
    const journey = travel(wire, process, call, next)
    // Whoever gives up waiting does not take the request back.
    journey.catch(() => undefined)
    const answer = await unlessCancelled(journey, call.signal)
    await process.alive()
    return answer
  })
}

async function travel(
  { schedule, network, random }: Wire,
  { name }: Process,
  call: WorkspaceCall,
  next: () => Promise<unknown>,
): Promise<unknown> {
  const member = call.workspace as MemberName
  await schedule.wait(1 + random.below(20))
  if (call.operation === 'probe') return probeOf(network.seems(name, member), call, schedule)
  const down = network.find('down', member)[0]
  const cut = network.find('partition', member).filter((one) => one.watcher === name)
  if (down !== undefined || cut.some(({ lost }) => lost === 'request')) {
    await schedule.wait(down?.hangs ? 4000 : 100)
    throw failure(call, 'workspace.unreachable', 'transient')
  }
  const troubles = network
    .find('trouble', member)
    .filter(({ share }) => random.chance(share))
    .map(({ kind }) => kind)
  if (troubles.includes('throttle')) throw failure(call, 'workspace.throttled', 'transient', 500)
  const result = await perform(call, next, troubles)
  schedule.log(`${name} ${member} ${call.operation}`)
  await schedule.wait(1 + random.below(20))
  const isLost = call.writes && troubles.includes('lose-answers')
  if (isLost || !network.answers(name, member)) {
    if (!call.writes) throw failure(call, 'workspace.unreachable', 'transient')
    throw failure(call, 'workspace.answer-lost', 'unknown-outcome')
  }
  return result
}

async function perform(
  call: WorkspaceCall,
  next: () => Promise<unknown>,
  troubles: readonly string[],
): Promise<unknown> {
  if (call.writes && troubles.includes('duplicate') && call.operation !== 'writeBlob') {
    const result = await next()
    // The second copy of a request may be refused, as a conditional write is; nobody hears of it.
    await next().catch(() => undefined)
    return result
  }
  if (call.operation === 'putRuns' && troubles.includes('half-apply')) {
    const runs = call.args[1] as Run[]
    // The service took some of them and then failed.
    if (runs.length > 1) runs.splice(Math.ceil(runs.length / 2))
    await next()
    throw failure(call, 'workspace.server-error', 'unknown-outcome')
  }
  const result = await next()
  if (call.operation === 'submitJob' && troubles.includes('half-apply'))
    throw failure(call, 'workspace.operation-lost', 'unknown-outcome')
  return result
}

function probeOf(healthy: boolean, call: WorkspaceCall, schedule: Schedule): ProbeResult {
  const at = new Date(schedule.now()).toISOString()
  const plane = call.args[0] as ProbeResult['plane']
  return { plane, healthy, latencyMs: 1, at, ...(healthy ? {} : { reason: 'no answer' }) }
}

/** Gives up waiting when the signal fires. */
async function unlessCancelled(journey: Promise<unknown>, signal?: AbortSignal): Promise<unknown> {
  if (signal === undefined) return journey
  let giveUp: () => void = () => undefined
  const cancelled = new Promise<never>((_, reject) => {
    giveUp = () => reject(cancelledError(signal))
    signal.addEventListener('abort', giveUp, { once: true })
  })
  try {
    return await Promise.race([journey, cancelled])
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}

function failure(
  call: WorkspaceCall,
  code: string,
  kind: 'transient' | 'unknown-outcome',
  retryAfterMs?: number,
): HoldfastError {
  return new HoldfastError(code, `${call.workspace}: ${call.operation}`, {
    kind,
    place: call.workspace,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

/** Calls of a dead process never come back; those of a paused one come back when it goes on. */
export function guarded<T extends object>(
  process: Process,
  delay: () => Promise<void>,
  target: T,
): T {
  return new Proxy(target, {
    get(object, name) {
      const value: unknown = Reflect.get(object, name)
      if (typeof value !== 'function') return value
      return async (...args: unknown[]) => {
        await process.alive()
        await delay()
        const result: unknown = await Reflect.apply(value, object, args)
        await process.alive()
        return result
      }
    },
  })
}
