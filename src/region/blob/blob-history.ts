import type { BlobKey, BlobRow, BlobTables, Past } from './blob-tables.ts'
import type { PastTables } from './past-tables.ts'
import type { ServicePolicies } from './service-policies.ts'
import { storageError } from './storage-error.ts'

/** Which state of a blob is meant; neither: what it is now. */
export interface StateName {
  readonly snapshot?: string | undefined
  readonly versionId?: string | undefined
}

export type SnapshotsToo = 'refuse' | 'include' | 'only'

const dayMs = 86_400_000

/**
 * What becomes of a blob's state when it ends:
 *
 *     now --overwrite--> version (versioning) | deleted snapshot (retention) | gone
 *     now --delete-----> version (versioning) | deleted (retention)          | gone
 *     snapshot, version --delete--> the same, deleted (retention) | gone
 *     deleted --undelete--> what it was          deleted --(time)--> gone
 *
 * Every method runs inside the caller's transaction. Content files are shared by reference: the
 * caller asks the tables which of them nobody names any more.
 */
export class BlobHistory {
  readonly #tables: BlobTables
  readonly #past: PastTables
  readonly #policies: ServicePolicies

  constructor(tables: BlobTables, past: PastTables, policies: ServicePolicies) {
    this.#tables = tables
    this.#past = past
    this.#policies = policies
  }

  /** The name of a state that begins now: later than every other of the same blob. */
  #nextMoment(key: BlobKey, now: number, current?: BlobRow): string {
    const moments = [this.#past.newestMoment(key), current?.properties.versionId ?? '']
    const newest = moments.toSorted().at(-1) ?? ''
    const moment = momentOf(now)
    return moment > newest ? moment : following(newest)
  }

  /** Asked after the state before it was kept. Undefined: the account has no versions. */
  nextVersionId(key: BlobKey, now: number): string | undefined {
    return this.#policies.of(key.account).isVersioningEnabled
      ? this.#nextMoment(key, now)
      : undefined
  }

  /** Before content is replaced: keeps the old one where the account wants it. */
  beforeReplace(key: BlobKey, existing: BlobRow | undefined, now: number): void {
    if (existing === undefined) {
      this.#settleDeleted(key)
      return
    }
    const { isVersioningEnabled, deleteRetentionDays: days } = this.#policies.of(key.account)
    if (isVersioningEnabled) this.#keepVersion(existing, 'move')
    else if (days !== undefined) {
      const moment = this.#nextMoment(key, now, existing)
      this.#keep(existing, { kind: 'snapshot', moment, ...deletion(now, days) }, 'move')
    }
  }

  /** The state so far stays as a version, where the account keeps them; names the one to come. */
  beginVersion(existing: BlobRow, now: number): string | undefined {
    if (this.#policies.of(existing.account).isVersioningEnabled)
      this.#keepVersion(existing, 'share')
    return this.nextVersionId(existing, now)
  }

  #keepVersion(existing: BlobRow, content: 'move' | 'share'): void {
    const { versionId } = existing.properties
    const moment = versionId ?? this.#nextMoment(existing, existing.modifiedAt)
    const named = { ...existing, properties: { ...existing.properties, versionId: moment } }
    this.#keep(named, { kind: 'version', moment }, content)
  }

  snapshot(
    existing: BlobRow,
    metadata: Readonly<Record<string, string>> | undefined,
    now: number,
  ): string {
    const moment = this.#nextMoment(existing, now, existing)
    const properties = {
      ...existing.properties,
      metadata: metadata ?? existing.properties.metadata,
    }
    this.#keep({ ...existing, properties }, { kind: 'snapshot', moment }, 'share')
    return moment
  }

  /** A state that can be read: snapshots and versions, not what is deleted. */
  find(key: BlobKey, { snapshot, versionId }: StateName, now: number): BlobRow | undefined {
    const current = this.#tables.blob(key)
    if (snapshot === undefined && versionId === undefined) return current
    if (versionId !== undefined && current?.properties.versionId === versionId) return current
    const row = this.#named(key, { snapshot, versionId }, now)
    return row?.past?.deletedAt === undefined ? row : undefined
  }

  /** Removes one snapshot or version. True: for good. */
  removeState(key: BlobKey, state: StateName, isPermanent: boolean, now: number): boolean {
    const row = this.#named(key, state, now)
    const { allowPermanentDelete } = this.#policies.of(key.account)
    if (isPermanent) {
      if (!allowPermanentDelete) throw storageError('PermanentDeleteNotAllowed')
      if (row?.past?.deletedAt === undefined) throw storageError('BlobNotFound')
      this.#forget(row)
      return true
    }
    const isCurrent = this.#tables.blob(key)?.properties.versionId === state.versionId
    if (state.versionId !== undefined && isCurrent)
      throw storageError('OperationNotAllowedOnRootBlob')
    if (row === undefined || row.past?.deletedAt !== undefined) throw storageError('BlobNotFound')
    return this.#end(row, now)
  }

  removeCurrent(existing: BlobRow, snapshots: SnapshotsToo, now: number): boolean {
    const live = this.#liveSnapshots(existing, now)
    if (snapshots === 'refuse' && live.length > 0) throw storageError('SnapshotsPresent')
    const isPermanent = live.map((row) => this.#end(row, now)).includes(true)
    if (snapshots === 'only') return isPermanent
    const { isVersioningEnabled, deleteRetentionDays: days } = this.#policies.of(existing.account)
    if (isVersioningEnabled) this.#keepVersion(existing, 'move')
    else if (days !== undefined) {
      const moment = this.#nextMoment(existing, now, existing)
      this.#keep(existing, { kind: 'deleted', moment, ...deletion(now, days) }, 'move')
    } else this.#tables.removeSegments(existing.id)
    this.#tables.removeBlob(existing)
    return !isVersioningEnabled && days === undefined
  }

  /** Everything of the blob that can still come back does; a newer blob stays what it is. */
  undelete(key: BlobKey, now: number): void {
    const kept = this.#past.of(key, now)
    if (kept.length === 0 && this.#tables.blob(key) === undefined)
      throw storageError('BlobNotFound')
    for (const row of kept) {
      if (row.past?.kind === 'deleted') this.#restore(row)
      else if (row.past?.deletedAt !== undefined) this.#past.mark(row.id, { kind: row.past.kind })
    }
  }

  /** Ends what had its time; returns the files that this may have freed. */
  purge(now: number): string[] {
    const rows = this.#past.expired(now, 100)
    const files = rows.flatMap((row) => this.filesOf(row))
    for (const row of rows) this.#forget(row)
    return files
  }

  filesOf(row: BlobRow): string[] {
    return this.#tables.segments(row.id).map((one) => one.file)
  }

  /** Files of everything that is kept of a blob. */
  allFilesOf(key: BlobKey, now: number): string[] {
    return this.#past.of(key, now).flatMap((row) => this.filesOf(row))
  }

  #restore(row: BlobRow): void {
    const { past: _past, id, ...blob } = row
    const saved = this.#tables.saveBlob(blob)
    this.#past.moveSegments(id, saved.id)
    this.#past.remove(id)
  }

  /** A new blob over a deleted one: the deleted one is from now on a deleted snapshot of it. */
  #settleDeleted(key: BlobKey): void {
    for (const { id, past } of this.#past.of(key, 0)) {
      if (past?.kind === 'deleted') this.#past.mark(id, { ...past, kind: 'snapshot' })
    }
  }

  #liveSnapshots(key: BlobKey, now: number): BlobRow[] {
    return this.#past
      .of(key, now)
      .filter(({ past }) => past?.kind === 'snapshot' && past.deletedAt === undefined)
  }

  #named(key: BlobKey, state: StateName, now: number): BlobRow | undefined {
    const kind = state.snapshot === undefined ? 'version' : 'snapshot'
    const moment = state.snapshot ?? state.versionId
    return this.#past.of(key, now).find(({ past }) => past?.kind === kind && past.moment === moment)
  }

  /** Ends a snapshot or version as the account wants it. True: for good. */
  #end(row: BlobRow, now: number): boolean {
    const { deleteRetentionDays: days } = this.#policies.of(row.account)
    if (row.past === undefined || days === undefined) {
      this.#forget(row)
      return true
    }
    this.#past.mark(row.id, { kind: row.past.kind, ...deletion(now, days) })
    return false
  }

  #forget(row: BlobRow): void {
    this.#tables.removeSegments(row.id)
    this.#past.remove(row.id)
  }

  #keep(blob: BlobRow, past: Past, content: 'move' | 'share'): void {
    const id = this.#past.add(blob, past)
    if (content === 'move') this.#past.moveSegments(blob.id, id)
    else this.#past.shareSegments(blob.id, id)
  }
}

function deletion(now: number, days: number): { deletedAt: number; purgeAt: number } {
  return { deletedAt: now, purgeAt: now + days * dayMs }
}

/** Whole days left, as the service tells them. */
export function remainingDays(purgeAt: number, now: number): number {
  return Math.max(0, Math.floor((purgeAt - now) / dayMs))
}

/** Seven digits behind the second, as the service writes them. */
function momentOf(at: number): string {
  return new Date(at).toISOString().replace('Z', '0000Z')
}

/** The next moment, 100 nanoseconds later. */
function following(moment: string): string {
  const ticks = Number(moment.slice(-5, -1)) + 1
  const at = Date.parse(`${moment.slice(0, -5)}Z`)
  if (ticks > 9999) return momentOf(at + 1)
  return `${moment.slice(0, -5)}${String(ticks).padStart(4, '0')}Z`
}
