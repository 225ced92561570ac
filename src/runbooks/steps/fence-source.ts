import { cancelStaleCopies, openStaleCopies } from '../../jobs/stale-copies.ts'
import { toRunError } from '../../runbook/durable-engine.ts'
import type { Ending, Look, StepTools } from '../../runbook/runbook.ts'
import { endingAfter } from '../../workspace/deadline.ts'
import { readFact, writeFact } from '../facts.ts'
import type { FailoverWorld } from '../ports.ts'
import { noteQuieted } from '../quiet-moves.ts'
import { endpointsWithTraffic, takeTrafficAway } from './endpoint-traffic.ts'
import { disableSchedules, enabledSchedules } from './object-changes.ts'
import { ownEpoch } from './own-epoch.ts'

/** One way in which an old primary acts, how to see it and how to end it. */
interface Fence {
  readonly name: string
  /** A sentence about what it still does, or null when it does nothing. */
  find(world: FailoverWorld, epoch: number, signal: AbortSignal): Promise<string | null>
  close(world: FailoverWorld, epoch: number, signal: AbortSignal): Promise<unknown>
}

/** Jobs first: they are what would run twice (I6). */
const fences: readonly Fence[] = [
  {
    name: 'moved jobs',
    find: async (world, epoch, signal) => {
      const open = await openStaleCopies(await staleCopies(world, epoch, signal))
      return open.length === 0 ? null : `${list(open)} still run`
    },
    close: async (world, epoch, signal) =>
      cancelStaleCopies(await staleCopies(world, epoch, signal)),
  },
  {
    name: 'schedules',
    find: async (world, _epoch, signal) => {
      const enabled = await enabledSchedules(world.source, signal)
      return enabled.length === 0 ? null : `${list(namesOf(enabled))} still start jobs`
    },
    close: async (world, epoch, signal) => {
      // Noted first: which were on is what the target is to have on.
      await noteQuieted(world, await enabledSchedules(world.source, signal), [])
      await disableSchedules(world.source, epoch, signal)
    },
  },
  {
    name: 'endpoint traffic',
    find: async (world, _epoch, signal) => {
      const serving = await endpointsWithTraffic(world.source, signal)
      return serving.length === 0 ? null : `${list(namesOf(serving))} still answer requests`
    },
    close: (world, epoch, signal) => takeTrafficAway(world, world.source, epoch, signal),
  },
  {
    name: 'marker',
    find: async (world, epoch, signal) => {
      const marker = await world.source.readMarker({ signal })
      const isFenced = marker?.role === 'secondary' && marker.epoch >= epoch
      return isFenced ? null : 'it does not know yet that it is secondary'
    },
    close: async (world, epoch, signal) => {
      const { since } = await ownEpoch(world)
      const marker = { group: world.group, role: 'secondary', epoch, since } as const
      await world.source.writeMarker(marker, { epoch, signal })
    },
  },
]

/** Before the first try the source is not asked: asking a dead region costs time, and `act` asks. */
export async function sourceIsFenced(world: FailoverWorld, tools: StepTools): Promise<Look> {
  const { epoch } = await ownEpoch(world)
  if ((await readFact(world, 'fence')) === undefined) {
    return { done: false, detail: `Fencing ${world.source.name} was not tried yet.` }
  }
  const exposure = await findExposure(world, epoch, timeLimit(world, tools))
  if (exposure.length === 0) return { done: true, detail: fencedSentence(world) }
  return { done: false, detail: exposure.join('; ') }
}

/** Best effort: whatever happens here, the failover goes on, and the report names the exposure. */
export async function fenceSource(world: FailoverWorld, tools: StepTools): Promise<Ending> {
  const { epoch } = await ownEpoch(world)
  const signal = timeLimit(world, tools)
  if ((await unreachable(world, signal)) === null) {
    for (const fence of fences) {
      // A fence that cannot be closed shows in the look below, with its reason.
      await fence.close(world, epoch, signal).catch(() => undefined)
    }
  }
  tools.signal.throwIfAborted()
  await ownEpoch(world) // a failed close may have been a refusal of our epoch: then we stop (I1)
  const exposure = await findExposure(world, epoch, signal)
  const open = new Set(exposure.map((sentence) => sentence.split(':')[0]))
  await writeFact(world, 'fence', {
    fenced: open.has('unreachable')
      ? []
      : fences.map((fence) => fence.name).filter((name) => !open.has(name)),
    exposure,
  })
  if (exposure.length === 0) return { done: fencedSentence(world) }
  return { skipped: `${world.source.name} is not fenced: ${exposure.join('; ')}.` }
}

async function findExposure(
  world: FailoverWorld,
  epoch: number,
  signal: AbortSignal,
): Promise<string[]> {
  const reason = await unreachable(world, signal)
  if (reason !== null) {
    return [`unreachable: ${reason}; its jobs, schedules and endpoints may act if it is alive`]
  }
  const found = await Promise.all(
    fences.map(async (fence) => {
      try {
        const sentence = await fence.find(world, epoch, signal)
        return sentence === null ? [] : [`${fence.name}: ${sentence}`]
      } catch (error) {
        return [`${fence.name}: ${toRunError(error).message}`]
      }
    }),
  )
  return found.flat()
}

/** Why the source does not answer, or null. A region that hangs counts as one that does not. */
async function unreachable(world: FailoverWorld, signal: AbortSignal): Promise<string | null> {
  try {
    const probe = await world.source.probe('arm', { signal })
    return probe.healthy ? null : (probe.reason ?? 'it is not healthy')
  } catch (error) {
    return toRunError(error).message
  }
}

function timeLimit(world: FailoverWorld, tools: StepTools): AbortSignal {
  return endingAfter(world.fenceLimitMs, tools.signal)
}

async function staleCopies(world: FailoverWorld, epoch: number, signal: AbortSignal) {
  const decisions = await world.jobs.readDecisions(world.run)
  return {
    member: world.source,
    decisions: decisions === undefined ? [] : [decisions],
    cameBack: {
      to: world.target,
      decisions: await world.jobs.decisionsFrom(world.group, world.target.name),
    },
    epoch,
    signal,
  }
}

const fencedSentence = (world: FailoverWorld): string =>
  `${world.source.name} is fenced: no moved job, no schedule, no traffic, marked secondary.`

function namesOf(objects: readonly { readonly id: { readonly path: readonly string[] } }[]) {
  return objects.map((each) => each.id.path.join('/'))
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(', ')
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown
}
