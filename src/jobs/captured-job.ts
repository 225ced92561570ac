import type { JsonObject } from '../model/json.ts'
import type { FinishedStep } from './finished-step.ts'

/** An open job as it was last seen while its region answered. */
export interface CapturedJob {
  readonly name: string
  readonly state: string
  /** Since when Holdfast has seen it in this state; ISO 8601 UTC. */
  readonly stateSince: string
  readonly capturedAt: string
  /** The writable specification as it belongs at the other member; credentials are blanked (I9). */
  readonly body: JsonObject
  /** The same as it belongs at the member it runs at, to which it may come back; null: not known whole. */
  readonly home: JsonObject | null
  /** Why the specification cannot run over there as it is: paths of fields, with the reason. */
  readonly obstacles: readonly Obstacle[]
  /** Where it keeps its checkpoints, if it says so. */
  readonly checkpoints: CheckpointPlace | null
  /** Of a pipeline: its steps that had completed. */
  readonly steps?: readonly FinishedStep[]
  /** Of a sweep: when its completed trials ended; ISO 8601 UTC, by the clock of its region. */
  readonly trials?: readonly string[]
  /** A planned move has stopped it, or is about to: it is not open any more, and has to run again. */
  readonly stopped?: true
  /** The checkpoint from which a move let it go on here, where nobody has looked at it since. */
  readonly resumedFrom?: string
}

export interface Obstacle {
  readonly path: string
  readonly reason: string
}

export interface CheckpointPlace {
  /** `BlobStoreName`, the same on both sides. */
  readonly store: string
  /** Ends in a slash. */
  readonly prefix: string
}

/** What shall become of a captured job, decided once per run of a failover. */
export interface DecidedJob {
  readonly job: string
  readonly state: string
  readonly decision: 'resubmit' | 'leave' | 'finished' | 'manual'
  /** One sentence for operators. */
  readonly reason: string
  /** Name at the other member, fixed with the decision: `<original>-e<epoch>`. */
  readonly newName: string | null
  readonly checkpoint: string | null
  readonly body: JsonObject
  /** The same as it belongs at the member it was moved away from; null: not known whole. */
  readonly home: JsonObject | null
  /** Set once the job is known to exist at the other member. */
  readonly resubmittedAs: string | null
  readonly at: string
}
