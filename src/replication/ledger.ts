import type { KindCount, LedgerRow } from '../api/contract.ts'

/**
 * One row per object and direction: what was last seen at the source, what was proven at the
 * target (design section 2). `direction` is `<source member>><target member>`; after a failover the
 * rows of the old direction stay, for salvage and for the three-way comparison.
 */
export interface Ledger {
  /** Last known rows for these objects; absent ones are missing from the map. One query. */
  read(direction: Direction, objects: readonly string[]): Promise<Map<string, LedgerEntry>>
  /** Upserts, in one transaction. */
  write(direction: Direction, entries: readonly LedgerEntry[]): Promise<void>
  rows(direction: Direction, filter: LedgerFilter & LedgerPage): Promise<LedgerRow[]>
  /** How many rows the filter lets through. */
  count(direction: Direction, filter: LedgerFilter): Promise<number>
  counts(direction: Direction): Promise<KindCount[]>
  readPoint(direction: Direction): Promise<ReplicationPointRow | undefined>
  /**
   * Never goes back, unless from the point that it `replaces`; refuses a stale epoch with `epoch.stale`.
   */
  advancePoint(
    direction: Direction,
    point: ReplicationPointRow & { readonly replaces?: string },
  ): Promise<void>
}

export interface LedgerFilter {
  readonly kind?: string
  /** Several: any of them. */
  readonly state?: string | readonly string[]
  /** Part of the object's name in any letter case, as people write it. */
  readonly name?: string
}

export interface LedgerPage {
  readonly after?: string
  /** So many of the rows that would come are left out before the first: a place in a long list. */
  readonly skip?: number
  readonly limit: number
}

/**
 * `name` as it stands inside `searchable` ids: names are percent-encoded, and no difference is made
 * between a slash in a name (of a blob) and one between two names.
 */
export function nameInIds(name: string): string {
  return name.split('/').map(encodeURIComponent).join('/').toLowerCase()
}

export function searchable(object: string): string {
  return object.toLowerCase().replaceAll('%2f', '/')
}

export interface Direction {
  readonly group: string
  readonly source: string
  readonly target: string
}

export interface LedgerEntry {
  /** `formatObjectId` text. */
  readonly object: string
  readonly kind: string
  /** `apart`: in conflict, and decided to stay so; it holds up neither the point nor a move. */
  readonly state: 'proven' | 'pending' | 'failed' | 'conflict' | 'apart' | 'skipped'
  /** Digest of the relocated canonical source form. */
  readonly sourceDigest: string | null
  /** Digest of the canonical target form as re-read; equal to sourceDigest when proven (I4). */
  readonly targetDigest: string | null
  /** What the source offers to see a change cheaply: etag, revision, lastModified. */
  readonly sourceVersion: string | null
  readonly targetVersion: string | null
  readonly bytes: number
  readonly error: { readonly code: string; readonly message: string } | null
  readonly epoch: number
  readonly at: string
}

export interface ReplicationPointRow {
  readonly at: string
  readonly epoch: number
  /** Where the next cheap pass over run history starts (source's own clock). */
  readonly runsSince: string | null
}

export function directionKey({ group, source, target }: Direction): string {
  return JSON.stringify([group, source, target])
}
