import type { GroupStatus, OperationType, Readiness } from '../api/contract.ts'
import { assess } from '../assess/assess.ts'
import { endingAfter } from '../workspace/deadline.ts'
import { gatherInventory, type InventoryFacts } from './inventory.ts'
import type { ProtectedGroup } from './protected-group.ts'
import { sleepUnlessAborted } from './watch.ts'

export interface ReadinessWatch {
  /** Looks now; two who ask at once get one answer. */
  now(signal: AbortSignal): Promise<Readiness>
  /** Null: nobody looked since the controller started. */
  last(): Readiness | null
  /** Looks again soon when the last answer may have become wrong. Does nothing without `byItself`. */
  notice(status: GroupStatus): void
  stop(): Promise<void>
}

const everyMs = 30 * 60_000
/** Between two looks at least, so that a member that comes and goes costs no more than this. */
const restMs = 5_000
const lookLimitMs = 120_000
const moveLimitMs = 30_000

/** `byItself`: every half hour and after `notice`, beginning when every member has been judged. */
export function watchReadiness(
  group: ProtectedGroup,
  facts: InventoryFacts & {
    readonly byItself: boolean
    readonly settled: () => Promise<void>
    readonly onLook: () => void
  },
): ReadinessWatch {
  const stopped = new AbortController()
  let last: Readiness | null = null
  let looking: Promise<Readiness> | undefined
  let stale = new AbortController()
  let seen: string | undefined
  const look = async (): Promise<Readiness> => {
    const signal = endingAfter(lookLimitMs, stopped.signal)
    // When it began: what moves meanwhile may have been seen as it was.
    const at = group.clock().toISOString()
    const inventory = await gatherInventory(group, facts, signal)
    last = { group: group.plan.group, at, ...assess(inventory) }
    facts.onLook()
    return last
  }
  const now = (): Promise<Readiness> => {
    looking ??= look().finally(() => {
      looking = undefined
    })
    return looking
  }
  const watching = (async () => {
    if (!facts.byItself) return
    await facts.settled()
    while (!stopped.signal.aborted) {
      await now().catch((error: unknown) => {
        if (stopped.signal.aborted) return
        // Whatever it is, the database gone for instance: the answer is unknown, and no reason to end.
        group.log.warn({ group: group.plan.group, err: error }, 'readiness is unknown')
      })
      await sleepUnlessAborted(restMs, stopped.signal)
      await sleepUnlessAborted(everyMs - restMs, AbortSignal.any([stopped.signal, stale.signal]))
      stale = new AbortController()
    }
  })()
  return {
    now: (signal) => until(signal, now()),
    last: () => last,
    notice: (status) => {
      // A move changes what is looked at under our eyes; its end is noticed.
      if (status.operation !== null && status.operation.endedAt === null) return
      const now = standingOf(status)
      if (seen !== undefined && now !== seen) stale.abort()
      seen = now
    },
    stop: async () => {
      stopped.abort()
      await watching
    },
  }
}

/** What an answer depends on most, and what changes without anybody asking. */
function standingOf({ epoch, protection, replicationPoint, members }: GroupStatus): string {
  const health = members.map((each) => `${each.name} ${each.health}`)
  return [epoch, protection, replicationPoint !== null, ...health].join()
}

/**
 * What is noted with a run that moves the group. A failover does not wait: it takes the newest look,
 * with its time. A planned move looks now; a look that fails is no reason against going, so it notes
 * the newest, too.
 */
export async function readinessBefore(
  type: OperationType,
  { now, last }: Pick<ReadinessWatch, 'now' | 'last'>,
): Promise<Readiness | null> {
  if (type === 'failover') return last()
  if (type !== 'switchover' && type !== 'failback') return null
  return now(AbortSignal.timeout(moveLimitMs)).catch(() => last())
}

/** The look goes on for others who wait for it. */
function until<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return Promise.race([
    work,
    new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    }),
  ])
}
