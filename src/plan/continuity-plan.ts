import type { Kind } from '../model/kinds.ts'
import type { DrillWindow } from './drill-window.ts'
import type { StableEndpointPlan } from './endpoint-schema.ts'
import type { NotifyChannelPlan } from './notify-schema.ts'
import type { ExtensibleRunbook } from './runbook-anchors.ts'
import type { UserStep } from './user-step-schema.ts'

export type Strategy = 'hot-hot' | 'hot-warm' | 'hot-cold'

/**
 * `continuity.yaml` after checking, with every default filled in (design section 7). Durations are
 * milliseconds here, `15m`-style text in the file. `load-plan.ts` makes it; nothing else parses YAML.
 */
export interface ContinuityPlan {
  readonly apiVersion: 'holdfast/v1'
  readonly group: string
  /** Folder of the plan file; relative paths in it start here. */
  readonly folder: string
  readonly objectives: { readonly rtoMs: number; readonly rpoMs: number }
  readonly members: readonly PlanMember[]
  /** First match from the end wins; the defaults of design section 6 stand at the front. */
  readonly strategies: readonly StrategyRule[]
  /** Whose content stands where both sides changed; the last match wins. Without one a human decides. */
  readonly conflicts: readonly ConflictRule[]
  /** What goes before the rest of its wave, the first line before the second; absent: nothing. */
  readonly priority?: readonly PriorityRule[]
  /** What becomes at the secondary of what is deleted at the primary; it is never deleted there. */
  readonly deletions: 'archive' | 'leave'
  /** Whether roles given at the workspace itself are given at the secondary; absent: they are. */
  readonly roleAssignments?: 'copy' | 'whenPermitted' | 'leave'
  /** category (`compute`, `datastore`, `identity`, …) -> name at the primary -> name at the secondary */
  readonly map: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly endpoints: readonly StableEndpointPlan[]
  readonly jobs: { readonly resubmit: 'checkpointed' | 'all' | 'none' }
  readonly decide: {
    readonly automatic: boolean
    readonly graceMs: number
    readonly cooldownMs: number
    /** Processes of `holdfast probe` in other places, by name; the controller is one more. */
    readonly vantagePoints: readonly string[]
  }
  /** Whom to tell what; secrets stand in it by name only (I9). */
  readonly notify: readonly NotifyChannelPlan[]
  readonly drill: {
    readonly everyMs: number
    /** `start`: a drill starts a copy of each job that would move and cancels it. */
    readonly jobs: 'start' | 'none'
    /** One that is due begins by itself … */
    readonly automatic: boolean
    /** … in this time; null: at any. */
    readonly window: DrillWindow | null
  }
  /** Steps of the plan's own, approvals of whole runs included; absent: there are none. */
  readonly runbooks?: Readonly<Partial<Record<ExtensibleRunbook, readonly UserStep[]>>>
}

export interface PlanMember {
  readonly name: string
  /** ARM id of the workspace, or the address of the MLflow server. */
  readonly workspace: string
  /** Role in the file: where the plan starts. The effective primary is the controller's state. */
  readonly role: 'primary' | 'secondary'
  /** `AzureCloud`, another Azure cloud's name, or the path of a local region's cloud file. */
  readonly cloud: string
  /** Present: the member is a self-hosted MLflow server. */
  readonly mlflow?: MlflowSettings
}

export interface MlflowSettings {
  /** Names of environment variables; the secrets themselves never stand in the file (D10). */
  readonly auth?:
    | { readonly token: string }
    | { readonly username: string; readonly password: string }
  /** Folder at which the server's artifact root is mounted here. */
  readonly artifacts?: string
  /** PEM file of a certificate authority to trust besides the public ones. */
  readonly ca?: string
}

export interface StrategyRule {
  readonly kind: Kind
  /** Glob over the object's name; absent: every name. */
  readonly name?: string
  readonly strategy: Strategy
}

export interface PriorityRule {
  /** `experiment`: the experiment and its runs. */
  readonly kind: Kind
  /** Glob over the object's name; absent: every name. */
  readonly name?: string
}

export interface ConflictRule {
  readonly kind: Kind
  /** Glob over the object's name; absent: every name. */
  readonly name?: string
  readonly keep: 'source' | 'target'
}
