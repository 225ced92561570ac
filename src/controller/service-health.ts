import type { Finding } from '../api/contract.ts'
import { isHoldfastError } from '../model/errors.ts'
import { endingAfter } from '../workspace/deadline.ts'
import type { ServiceEvent } from '../workspace/workspace.ts'
import type { ProtectedGroup } from './protected-group.ts'

/** What the cloud itself says is wrong, as an extra signal: it is told, and decides nothing. */
export interface ServiceHealth {
  /** Asks again when the last answer is old; called as often as one likes. */
  look(): void
  findings(): readonly Finding[]
  stop(): Promise<void>
}

const everyMs = 60_000
const limitMs = 10_000

export function serviceHealth(
  { members, clock, log, plan }: Pick<ProtectedGroup, 'members' | 'clock' | 'log' | 'plan'>,
  onChange: () => void,
): ServiceHealth {
  const stopped = new AbortController()
  const known = new Map<string, readonly ServiceEvent[]>()
  /** Why a member's events cannot be read, so that it is said once. */
  const silent = new Map<string, string>()
  let askedAt = Number.NEGATIVE_INFINITY
  let asking: Promise<void> = Promise.resolve()

  const ask = async (name: string): Promise<void> => {
    const member = members.get(name)
    if (member === undefined) return
    const signal = endingAfter(limitMs, stopped.signal)
    try {
      known.set(name, await member.direct.readServiceEvents({ signal }))
      silent.delete(name)
    } catch (error) {
      if (stopped.signal.aborted) return
      // What was said before may be over, and nobody knows: no claim is better than an old one (I8).
      known.delete(name)
      const code = isHoldfastError(error) ? error.code : String(error)
      if (silent.get(name) === code) return
      silent.set(name, code)
      log.warn({ group: plan.group, member: name, err: error }, 'no service events can be read')
    }
  }

  return {
    look: () => {
      const now = clock().getTime()
      if (stopped.signal.aborted || now - askedAt < everyMs) return
      askedAt = now
      const before = JSON.stringify([...known])
      asking = Promise.all([...members.keys()].map(ask)).then(() => {
        if (JSON.stringify([...known]) !== before) onChange()
      })
    },
    findings: () => [...known].flatMap(([name, events]) => findingOf(name, events)),
    stop: async () => {
      stopped.abort()
      await asking
    },
  }
}

function findingOf(member: string, events: readonly ServiceEvent[]): Finding[] {
  const [first, ...more] = events
  if (first === undefined) return []
  const { service, region, title, since } = first
  const others = more.length === 0 ? '' : ` and ${more.length} more`
  return [
    {
      rule: 'service-health',
      level: 'degraded',
      sentence: `${member}: the cloud reports trouble with ${service} in ${region}${since === undefined ? '' : ` since ${since}`}: ${title}${others}.`,
      evidence: events.map(
        (one) => `${one.trackingId}: ${one.service}, ${one.region}: ${one.title}`,
      ),
      remedy:
        'Read it under Service Health in the Azure portal. Whether to move is for the probes and for you: `holdfast status`.',
    },
  ]
}
