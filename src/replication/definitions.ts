import type { JsonObject } from '../model/json.ts'
import type { Direction } from './ledger.ts'

/**
 * Definitions of objects that are not, or not in full, standing at the target: hot-cold objects,
 * schedules as enabled as they were at the source, deployments at full size. A failover creates them
 * when the source is gone. Documents are in the target's terms (relocated); what is secret in them is
 * sealed for the target (`opened` before use, I9).
 */
export interface DefinitionStore {
  /** Upserts, in one transaction. */
  write(direction: Direction, definitions: readonly Definition[]): Promise<void>
  read(direction: Direction, objects: readonly string[]): Promise<Map<string, Definition>>
  /** In object order. */
  list(
    direction: Direction,
    filter: { kind?: string; after?: string; limit: number },
  ): Promise<Definition[]>
}

export interface Definition {
  /** `formatObjectId` text. */
  readonly object: string
  readonly kind: string
  /** What the object is to be at the target when that becomes primary; sealed. */
  readonly body: JsonObject
  /** Digest of the canonical form of `body` as it was before it was sealed. */
  readonly digest: string
  readonly epoch: number
  /** ISO 8601 UTC, when it was captured. */
  readonly at: string
}
