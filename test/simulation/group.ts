import type { Member } from '../../src/controller/members.ts'
import type { ProtectedGroup } from '../../src/controller/protected-group.ts'
import type { ContinuityPlan } from '../../src/plan/continuity-plan.ts'
import { defaultStrategies } from '../../src/plan/strategy-of.ts'
import type { Records } from '../../src/runbooks/records.ts'
import { fenced } from '../../src/workspace/decorators/fenced.ts'
import { retrying } from '../../src/workspace/decorators/retrying.ts'
import type { Workspace } from '../../src/workspace/workspace.ts'
import { aheadOfProof, withoutFixedName } from './bugs.ts'
import { guarded, type Process, wired } from './network.ts'
import type { MemberName, Scenario } from './scenario.ts'
import { groupName, type Simulated } from './simulated.ts'

export function planOf({ automatic, graceMs, resubmit }: Scenario): ContinuityPlan {
  return {
    apiVersion: 'holdfast/v1',
    group: groupName,
    folder: '/',
    objectives: { rtoMs: 60_000, rpoMs: 20_000 },
    members: [
      { name: 'east', workspace: '', role: 'primary', cloud: 'AzureCloud' },
      { name: 'west', workspace: '', role: 'secondary', cloud: 'AzureCloud' },
    ],
    strategies: defaultStrategies,
    map: {},
    endpoints: [],
    jobs: { resubmit },
    decide: { automatic, graceMs, cooldownMs: 30_000, vantagePoints: ['north', 'south'] },
    conflicts: [],
    deletions: 'archive',
    notify: [],
    drill: { everyMs: 1, jobs: 'none', automatic: false, window: null },
  }
}

/** What one controller process knows and reaches: the product's own parts over simulated wires. */
export function groupOf(sim: Simulated, process: Process, clock: () => Date): ProtectedGroup {
  const { random, schedule } = sim
  // Now and then the database takes its time, so that others come in between.
  const delay = async () => {
    if (random.chance(0.1)) await schedule.wait(random.below(30))
  }
  const guard = <T extends object>(target: T): T => guarded(process, delay, target)
  const records = recordsOf(sim, guard)
  const group = {
    plan: planOf(sim.scenario),
    records,
    members: new Map(
      (['east', 'west'] as const).map((name) => [name, memberOf(sim, process, records, name)]),
    ),
    endpoints: {
      gateways: [],
      traffic: [guard(sim.endpoints.gateway)],
      configuration: [guard(sim.endpoints.config)],
      here: [],
    },
    clock,
    log: { info: () => undefined, warn: () => undefined },
  }
  return group
}

function recordsOf(sim: Simulated, guard: <T extends object>(target: T) => T): Records {
  const shared = sim.bug === 'point-ahead-of-proof' ? aheadOfProof(sim.records) : sim.records
  const parts = Object.entries(shared) as [keyof Records, Records[keyof Records]][]
  return Object.fromEntries(parts.map(([name, part]) => [name, guard(part)])) as unknown as Records
}

function memberOf(sim: Simulated, process: Process, records: Records, name: MemberName): Member {
  const { schedule, random } = sim
  const direct = wired(sim, process, regionOf(sim, process, records, name))
  const currentEpoch = async () => (await records.epochs.current(groupName))?.epoch ?? 0
  const guardedByEpoch = sim.check.entering(
    sim.bug === 'no-epoch-check' ? direct : fenced(direct, { currentEpoch }),
  )
  const retry = { random: random.next, sleep: schedule.wait }
  return {
    plan: {
      name,
      workspace: '',
      role: name === 'east' ? 'primary' : 'secondary',
      cloud: 'AzureCloud',
    },
    direct,
    workspace: retrying(guardedByEpoch, retry),
    patient: retrying(guardedByEpoch, retry),
    impatient: retrying(guardedByEpoch, { ...retry, attempts: 2, maxRetryAfterMs: 1000 }),
    caPath: undefined,
  }
}

/** Small on purpose: each kind is one more list in every pass. */
const kinds = new Set(['model-container', 'model', 'job', 'schedule', 'experiment', 'run', 'blob'])

function regionOf(sim: Simulated, process: Process, records: Records, name: MemberName): Workspace {
  const region = sim.truth.as(process.name, name)
  const named =
    sim.bug === 'no-fixed-name'
      ? withoutFixedName(region, records, groupName, () => sim.random.below(1_000_000))
      : region
  return { ...named, capabilities: { ...region.capabilities, kinds: kinds as never } }
}
