import { digestJson } from '../model/canonical.ts'
import type { JsonObject } from '../model/json.ts'

/** What somebody, or the controller by itself, did or asked for. Holds no secret (I9). */
export interface AuditNote {
  /** Name of a person, of a token, or `controller`. */
  readonly actor: string
  readonly group: string
  /** Dotted, the thing first: `operation.accepted`, `epoch.begun`, `request.pause`. */
  readonly action: string
  /** Id of what it is about: an operation, an object, a member. */
  readonly subject: string
  readonly details: JsonObject
}

export interface AuditEntry extends AuditNote {
  /** From 1, without gaps. */
  readonly seq: number
  /** ISO 8601 UTC. */
  readonly at: string
  readonly previousHash: string
  readonly hash: string
}

/** What stands where the first entry names the one before it. */
export const firstHash = '0'.repeat(64)

export function nextEntry(
  previous: Pick<AuditEntry, 'seq' | 'hash'> | undefined,
  note: AuditNote,
  at: string,
): AuditEntry {
  const { actor, group, action, subject, details } = note
  const unsealed = {
    ...{ seq: (previous?.seq ?? 0) + 1, at, actor, group, action, subject, details },
    previousHash: previous?.hash ?? firstHash,
  }
  return { ...unsealed, hash: digestJson(unsealed) }
}

/** What the hash of an entry has to be, by all of its other fields. */
export function hashOf(entry: AuditEntry): string {
  const { seq, at, actor, group, action, subject, details, previousHash } = entry
  return digestJson({ seq, at, actor, group, action, subject, details, previousHash })
}
