import type { DecisionStore } from '../../src/detection/decision-store.ts'
import type { Records } from '../../src/runbooks/records.ts'
import type { StableEndpoint } from '../../src/traffic/stable-endpoint.ts'
import type { Bug } from './bugs.ts'
import type { Checks } from './checks.ts'
import type { Network } from './network.ts'
import type { Random } from './random.ts'
import type { ControllerName, Scenario } from './scenario.ts'
import type { Schedule } from './schedule.ts'
import type { Truth } from './truth.ts'

/** Everything of one run that outlives every process in it. */
export interface Simulated {
  readonly scenario: Scenario
  readonly bug: Bug | undefined
  readonly schedule: Schedule
  readonly random: Random
  readonly network: Network
  readonly truth: Truth
  readonly check: Checks
  /** The database that all controllers share. */
  readonly records: Records
  readonly decisions: DecisionStore
  readonly endpoints: { readonly gateway: StableEndpoint; readonly config: StableEndpoint }
  /** Which controller performs an engine's run. */
  readonly owners: Map<string, ControllerName>
  /** One at a time over all controllers; the death of its holder gives it free. */
  lock<T>(generation: () => number, work: () => Promise<T>): Promise<T>
}

export const groupName = 'g'
