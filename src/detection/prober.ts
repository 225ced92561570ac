import type { Plane, ProbeResult, Workspace } from '../workspace/workspace.ts'
import type { ProbeResults } from './detector.ts'

/** What is asked of each member in each round. */
export const probedPlanes: readonly Plane[] = [
  'arm',
  'history',
  'mlflow',
  'blob',
  'scoring',
  'jobs',
]
/** A plane that is silent for longer than this is down, in milliseconds. */
export const probeTimeoutMs = 2000

export interface ProberOptions {
  readonly members: readonly Pick<Workspace, 'name' | 'probe'>[]
  readonly planes: readonly Plane[]
  /** From the end of one round to the start of the next, in milliseconds; asked after each round. */
  readonly intervalMs: () => number
  /** A plane that has not answered by then is unhealthy, in milliseconds. */
  readonly timeoutMs: number
  readonly clock: () => Date
  /** Resolves after that time, or at once when the signal fires. */
  readonly sleep: (durationMs: number, signal: AbortSignal) => Promise<void>
  /** The next round starts only when this has returned. */
  readonly onRound: (results: ProbeResults, at: Date) => Promise<void> | void
  readonly signal: AbortSignal
}

/**
 * Probes every plane of every member, round after round, until the signal fires. Rounds never
 * overlap: a slow region makes rounds rarer, not piled up.
 */
export async function probeUntilStopped(options: ProberOptions): Promise<void> {
  const { signal, sleep, intervalMs, clock, onRound } = options
  while (!signal.aborted) {
    const started = clock().getTime()
    const results = await probeOnce(options)
    if (signal.aborted) return
    const ended = clock()
    if (!wasStopped(ended.getTime() - started, options.timeoutMs)) await onRound(results, ended)
    await sleep(intervalMs(), signal)
  }
}

/**
 * No round takes much longer than its timeout, unless this very process stood still (a suspended
 * machine, a long collection of garbage). When it goes on, its timers fire before the answers that lie
 * ready are read, so every plane seems silent: such a round says nothing about the members.
 */
export function wasStopped(roundMs: number, timeoutMs: number): boolean {
  return roundMs > 2 * timeoutMs
}

/** One round: all planes at once, each with its own timeout. */
export async function probeOnce(
  options: Pick<ProberOptions, 'members' | 'planes' | 'timeoutMs' | 'clock' | 'sleep' | 'signal'>,
): Promise<ProbeResults> {
  const rounds = options.members.map(async (member) => {
    const results = options.planes.map((plane) => probePlane(member, plane, options))
    return [member.name, await Promise.all(results)] as const
  })
  return Object.fromEntries(await Promise.all(rounds))
}

async function probePlane(
  member: Pick<Workspace, 'probe'>,
  plane: Plane,
  options: Pick<ProberOptions, 'timeoutMs' | 'clock' | 'sleep' | 'signal'>,
): Promise<ProbeResult> {
  const started = options.clock()
  const deadline = new AbortController()
  const stop = () => deadline.abort()
  options.signal.addEventListener('abort', stop, { once: true })
  const answer = member
    .probe(plane, { signal: deadline.signal })
    .catch((error: unknown) =>
      unhealthy(plane, started, options, error instanceof Error ? error.message : String(error)),
    )
  const waited = new AbortController()
  // The race holds even when an adapter ignores the signal: a probe may hang, a round may not.
  const tooLate = options.sleep(options.timeoutMs, waited.signal).then(() => {
    deadline.abort()
    return unhealthy(plane, started, options, `no answer within ${options.timeoutMs} ms`)
  })
  try {
    return await Promise.race([answer, tooLate])
  } finally {
    waited.abort()
    options.signal.removeEventListener('abort', stop)
  }
}

function unhealthy(
  plane: Plane,
  started: Date,
  { clock }: Pick<ProberOptions, 'clock'>,
  reason: string,
): ProbeResult {
  return {
    plane,
    healthy: false,
    latencyMs: clock().getTime() - started.getTime(),
    at: started.toISOString(),
    reason,
  }
}
