import { HoldfastError } from '../../model/errors.ts'
import { throwIfCancelled } from '../cancellation.ts'
import type { Workspace, WorkspaceOperation } from '../workspace.ts'
import { interceptWorkspace, type WorkspaceCall } from './intercept.ts'

export interface Fault {
  /** Absent: every operation. */
  readonly operations?: readonly WorkspaceOperation[]
  /** Narrows to certain calls, e.g. of one object. */
  readonly when?: (call: WorkspaceCall) => boolean
  /** How many calls it hits. Absent: until healed. */
  readonly times?: number
  readonly error: () => HoldfastError
  /** `after`: the effect happens and its answer is lost. Default `before`. */
  readonly strikes?: 'before' | 'after'
}

export interface FaultyWorkspace extends Workspace {
  /** Returns a function that heals just this fault. */
  break(fault: Fault): () => void
  /** Nothing answers any more, as in a region outage. */
  disconnect(): () => void
  /** The next `times` calls are throttled. */
  throttle(times: number, retryAfterMs: number): () => void
  /** The next `times` writes happen, but their answers are lost. */
  loseAnswers(times: number, operations?: readonly WorkspaceOperation[]): () => void
  heal(): void
  /** How many calls met a fault. */
  hits(): number
}

/** A workspace that can be broken on purpose: for fault tests and drills, above any adapter. */
export function faulty(
  workspace: Workspace,
  clock: () => Date = () => new Date(),
): FaultyWorkspace {
  const faults = new Map<Fault, number>()
  let hits = 0
  const find = (call: WorkspaceCall, strikes: 'before' | 'after') => {
    for (const [fault, left] of faults) {
      const applies =
        (fault.strikes ?? 'before') === strikes &&
        (fault.operations?.includes(call.operation) ?? true) &&
        (fault.when?.(call) ?? true)
      if (!applies) continue
      if (left <= 1) faults.delete(fault)
      else faults.set(fault, left - 1)
      hits += 1
      return fault.error()
    }
    return undefined
  }
  const intercepted = interceptWorkspace(workspace, async (call, next) => {
    throwIfCancelled(call.signal, call.workspace)
    const before = find(call, 'before')
    if (before !== undefined) return brokenAnswer(call, before, clock)
    const result = await next()
    const after = find(call, 'after')
    if (after !== undefined) throw after
    return result
  })
  const start = (fault: Fault) => {
    faults.set(fault, fault.times ?? Number.POSITIVE_INFINITY)
    return () => void faults.delete(fault)
  }
  const { name } = workspace
  return {
    ...intercepted,
    break: start,
    disconnect: () => start({ error: () => unreachable(name) }),
    throttle: (times, retryAfterMs) => start({ times, error: () => throttled(name, retryAfterMs) }),
    loseAnswers: (times, operations) =>
      start({
        times,
        ...(operations === undefined ? {} : { operations }),
        when: (call) => call.writes,
        strikes: 'after',
        error: () => answerLost(name),
      }),
    heal: () => faults.clear(),
    hits: () => hits,
  }
}

/** A probe never throws for a sick plane: it reports it. */
function brokenAnswer(call: WorkspaceCall, error: HoldfastError, clock: () => Date): unknown {
  if (call.operation !== 'probe') throw error
  const at = clock().toISOString()
  return { plane: call.args[0], healthy: false, latencyMs: 0, at, reason: error.code }
}

function unreachable(name: string): HoldfastError {
  return new HoldfastError('workspace.unreachable', `${name} does not answer`, {
    kind: 'transient',
    place: name,
  })
}

function throttled(name: string, retryAfterMs: number): HoldfastError {
  return new HoldfastError('workspace.throttled', `${name} asks to slow down`, {
    kind: 'transient',
    place: name,
    retryAfterMs,
  })
}

function answerLost(name: string): HoldfastError {
  return new HoldfastError('workspace.answer-lost', `${name} closed the connection`, {
    kind: 'unknown-outcome',
    place: name,
  })
}
