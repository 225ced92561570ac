import type { Finding } from '../api/contract.ts'
import type { Epoch } from '../runbook/epoch-register.ts'
import { canBeginAgain, isEnded } from '../runbook/run-state.ts'
import type { Runner } from '../runbook/runner.ts'
import { moveConfigurationStep, switchTrafficStep } from '../runbooks/move-steps.ts'
import type { StableEndpoint } from '../traffic/stable-endpoint.ts'
import { endingAfter } from '../workspace/deadline.ts'
import { memberOf } from './members.ts'
import type { GroupLog, ProtectedGroup } from './protected-group.ts'
import { leadEndpoint } from './stable-endpoints.ts'
import { sleepUnlessAborted } from './watch.ts'

/** Leads what stands on this machine only, whoever began the epoch: another controller cannot. */
export interface EndpointFollower {
  findings(): readonly Finding[]
  stop(): Promise<void>
}

/** The register is looked at this often, in milliseconds; what cannot be led is tried less and less. */
const lookEveryMs = 500
const mostRestMs = 10_000
const limitMs = 60_000

type Followed = Pick<ProtectedGroup, 'plan' | 'records' | 'members' | 'endpoints' | 'clock' | 'log'>

/**
 * `now`: the move that began the epoch has come to where it leads these over. `later`: it has not, and
 * what it makes ready over there may not answer yet. `stuck`: it has ended before; somebody has to
 * repeat it. `never`: an operator has left the step out.
 */
type Turn = 'now' | 'later' | 'stuck' | 'never'

export function followEpochs(
  group: Followed,
  options: {
    readonly runner: Pick<Runner, 'isUnderWay'>
    readonly onChange: () => void
    /** Between two looks at the register, in milliseconds. */
    readonly everyMs?: number
  },
): EndpointFollower {
  const { runner, onChange, everyMs = lookEveryMs } = options
  const { plan, records, endpoints, clock, log } = group
  const stopped = new AbortController()
  const now = () => clock().getTime()
  const troubles = troublesOf(plan.group, log, onChange, stopped.signal)
  const here = (all: readonly StableEndpoint[]) =>
    all.filter((each) => endpoints.here.includes(each))
  const steps = [
    { step: switchTrafficStep.id, led: here(endpoints.traffic) },
    { step: moveConfigurationStep.id, led: here(endpoints.configuration) },
  ].filter(({ led }) => led.length > 0)

  /** The epoch that everything here leads to already, … */
  let followed = 0
  /** … and the one that not everything could be led to, with when it is tried again and how long that was put off. */
  let failed = { epoch: 0, until: 0, restMs: everyMs }
  /** Why the register cannot be read, so that it is said once. */
  let blind: string | null = null

  const follow = async (endpoint: StableEndpoint, epoch: Epoch): Promise<void> => {
    const signal = endingAfter(limitMs, stopped.signal)
    const pointer = { member: epoch.primary, epoch: epoch.epoch }
    const current = await endpoint.current({ signal })
    // Before the first move a pass leads it, with the routes of both sides.
    if (current === undefined && epoch.begunBy === null) return
    const isFollowing =
      current !== undefined &&
      (current.epoch > pointer.epoch ||
        (current.epoch === pointer.epoch && current.member === pointer.member))
    if (isFollowing && !troubles.has(endpoint.name)) return
    await leadEndpoint(endpoint, pointer, memberOf(group.members, epoch.primary), { signal })
    await endpoint.verify(pointer, { signal })
    log.info({ group: plan.group, endpoint: endpoint.name, ...pointer }, 'it follows')
  }
  /** Whether nothing is left to be done for this epoch, and whether to wait before the next try. */
  const leadAll = async (epoch: Epoch): Promise<{ isWhole: boolean; isHeldUp: boolean }> => {
    const turns = await Promise.all(steps.map(({ step }) => turnOf(group, runner, epoch, step)))
    let isFollowed = true
    for (const [index, { led }] of steps.entries()) {
      if (turns[index] !== 'now') continue
      for (const endpoint of led) {
        if (!(await troubles.attempt(endpoint.name, () => follow(endpoint, epoch))))
          isFollowed = false
      }
    }
    return {
      isWhole: isFollowed && turns.every((turn) => turn === 'now' || turn === 'never'),
      isHeldUp: !isFollowed || turns.includes('stuck'),
    }
  }
  const round = async (): Promise<void> => {
    const epoch = await records.epochs.current(plan.group)
    if (epoch === undefined || epoch.epoch === followed) return
    if (epoch.epoch === failed.epoch && now() < failed.until) return
    const { isWhole, isHeldUp } = await leadAll(epoch)
    if (isWhole) followed = epoch.epoch
    if (!isHeldUp) return
    const before = failed.epoch === epoch.epoch ? failed.restMs : everyMs
    const restMs = Math.min(mostRestMs, before * 2)
    failed = { epoch: epoch.epoch, until: now() + restMs, restMs }
  }
  const look = async (): Promise<void> => {
    try {
      await round()
      blind = null
    } catch (error) {
      const reason = String(error)
      if (stopped.signal.aborted || reason === blind) return
      blind = reason
      log.warn({ group: plan.group, err: error }, 'endpoints cannot follow: no epoch can be read')
    }
  }

  const following = (async () => {
    while (!stopped.signal.aborted && steps.length > 0) {
      await look()
      await sleepUnlessAborted(everyMs, stopped.signal)
    }
  })()
  return {
    findings: troubles.findings,
    stop: async () => {
      stopped.abort()
      await following
    },
  }
}

/** Why endpoints do not follow: each is said once, and is over when it can be led. */
function troublesOf(group: string, log: GroupLog, onChange: () => void, stopped: AbortSignal) {
  const known = new Map<string, string>()
  const note = (name: string, trouble: string): void => {
    if (known.get(name) === trouble) return
    known.set(name, trouble)
    log.warn({ group, endpoint: name }, `it does not follow: ${trouble}`)
    onChange()
  }
  return {
    has: (name: string) => known.has(name),
    findings: () => [...known].map(([name, trouble]) => findingOf(name, trouble)),
    /** Whether it could be done. */
    attempt: async (name: string, work: () => Promise<void>): Promise<boolean> => {
      try {
        await work()
        if (known.delete(name)) onChange()
        return true
      } catch (error) {
        if (!stopped.aborted) note(name, error instanceof Error ? error.message : String(error))
        return false
      }
    },
  }
}

async function turnOf(
  { records }: Followed,
  runner: Pick<Runner, 'isUnderWay'>,
  { begunBy }: Epoch,
  step: string,
): Promise<Turn> {
  if (begunBy === null) return 'now'
  // Its own step does it, and undoes what does not arrive.
  if (runner.isUnderWay(begunBy)) return 'later'
  const run = await records.journal.read(begunBy)
  if (run === undefined) return 'now'
  const status = run.state.steps.find(({ id }) => id === step)?.status
  if (status === undefined || /^(running|done|partial)$/.test(status)) return 'now'
  if (!isEnded(run.state)) return 'later'
  return canBeginAgain(run.state) ? 'stuck' : 'never'
}

const findingOf = (name: string, trouble: string): Finding => ({
  ...{ rule: 'endpoint-behind', level: 'degraded' },
  sentence: `${name} does not follow the effective primary at this controller: ${trouble}`,
  evidence: [trouble],
  remedy: 'Mend what it names; the controller tries again by itself.',
})
