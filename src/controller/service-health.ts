import type { Finding } from '../api/contract.ts'
import { isHoldfastError } from '../model/errors.ts'
import { endingAfter } from '../workspace/deadline.ts'
import type {
  CallOptions,
  ResourceHealth,
  ServiceEvent,
  Workspace,
} from '../workspace/workspace.ts'
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
  const known = new Map<string, readonly Finding[]>()
  /** Why a source cannot be read for a member, so that it is said once. */
  const silent = new Map<string, string>()
  let askedAt = Number.NEGATIVE_INFINITY
  let asking: Promise<void> = Promise.resolve()

  const ask = async (name: string, source: Source): Promise<void> => {
    const member = members.get(name)
    if (member === undefined) return
    const key = `${name} ${source.name}`
    const signal = endingAfter(limitMs, stopped.signal)
    try {
      known.set(key, await source.read(name, member.direct, { signal }))
      silent.delete(key)
    } catch (error) {
      if (stopped.signal.aborted) return
      // What was said before may be over, and nobody knows: no claim is better than an old one (I8).
      known.delete(key)
      const code = isHoldfastError(error) ? error.code : String(error)
      if (silent.get(key) === code) return
      silent.set(key, code)
      log.warn({ group: plan.group, member: name, err: error }, `no ${source.name} can be read`)
    }
  }

  return {
    look: () => {
      const now = clock().getTime()
      if (stopped.signal.aborted || now - askedAt < everyMs) return
      askedAt = now
      const before = JSON.stringify([...known])
      const asked = [...members.keys()].flatMap((name) =>
        sources.map((source) => ask(name, source)),
      )
      asking = Promise.all(asked).then(() => {
        if (JSON.stringify([...known]) !== before) onChange()
      })
    },
    findings: () => [...known.values()].flat(),
    stop: async () => {
      stopped.abort()
      await asking
    },
  }
}

/** Each may be forbidden on its own: one needs to read the subscription, the other single resources. */
interface Source {
  readonly name: string
  read(
    member: string,
    workspace: Pick<Workspace, 'readServiceEvents' | 'readResourceHealth'>,
    options: CallOptions,
  ): Promise<Finding[]>
}

const sources: readonly Source[] = [
  {
    name: 'service events',
    read: async (member, workspace, options) =>
      eventsFinding(member, await workspace.readServiceEvents(options)),
  },
  {
    name: 'resource health',
    read: async (member, workspace, options) =>
      resourcesFinding(member, await workspace.readResourceHealth(options)),
  },
]

function resourcesFinding(member: string, resources: readonly ResourceHealth[]): Finding[] {
  const ill = resources.filter(({ state }) => state === 'unavailable' || state === 'degraded')
  if (ill.length === 0) return []
  const named = ill.map(({ resource, state }) => `${resource} ${state}`).join(', ')
  return [
    {
      ...{ rule: 'resource-health', level: 'degraded' },
      sentence: `${member}: the cloud calls ${named}.`,
      evidence: ill.map(({ resource, state, reason, since, summary }) =>
        [`${resource}: ${state}`, reason, since && `since ${since}`, summary]
          .filter((part) => part !== undefined && part !== '')
          .join(', '),
      ),
      remedy:
        'Read it under Resource health in the Azure portal. Whether to move is for the probes and for you: `holdfast status`.',
    },
  ]
}

function eventsFinding(member: string, events: readonly ServiceEvent[]): Finding[] {
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
