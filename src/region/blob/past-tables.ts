import type Database from 'libsql'
import {
  after,
  type BlobKey,
  type BlobRow,
  type ContainerRow,
  type Past,
  toBlob,
  toContainer,
} from './blob-tables.ts'
import { number, type Raw, Statements, text } from './statements.ts'

/**
 * What blobs and containers were: versions, snapshots, and deleted things that can come back. Ids
 * are negative, so that `blob_segments` serves them and blobs alike; a content file may be named by
 * several of them.
 */
const schema = `
create table if not exists blob_past (
  id integer primary key, account text not null, container text not null, name text not null,
  kind text not null, moment text not null, size integer not null, etag text not null,
  created_at integer not null, modified_at integer not null, properties text not null,
  deleted_at integer, purge_at integer,
  unique (account, container, name, moment)) strict;
create index if not exists blob_past_by_purge on blob_past (purge_at) where purge_at is not null;
create table if not exists blob_deleted_containers (
  account text not null, name text not null, version text not null, etag text not null,
  created_at integer not null, modified_at integer not null, metadata text not null,
  deleted_at integer not null, purge_at integer not null,
  primary key (account, name, version)) strict;
`

/** Where a listing goes on: snapshots and versions of one name follow each other. */
export interface ListPosition {
  readonly name: string
  /** Empty: everything of that name. */
  readonly moment: string
}

export interface PastListing {
  readonly prefix: string
  readonly from: ListPosition
  readonly limit: number
  readonly kinds: readonly Past['kind'][]
  readonly withDeleted: boolean
  readonly now: number
}

/** Sorts behind every moment: what a blob is now comes after what it was. */
export const present = '~'

export class PastTables {
  readonly #sql: Statements

  constructor(db: Database.Database) {
    this.#sql = new Statements(db, schema)
  }

  /** Keeps what `blob` is; its segments are the caller's business. */
  add(blob: BlobRow, past: Past): number {
    const id = number(
      this.#sql.get('select min(0, coalesce(min(id), 0)) - 1 as id from blob_past')?.id,
    )
    this.#sql.run(
      'insert into blob_past values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      id,
      ...[blob.account, blob.container, blob.name, past.kind, past.moment],
      ...[blob.size, blob.etag, blob.createdAt, blob.modifiedAt],
      JSON.stringify({ ...blob.properties, lease: undefined }),
      past.deletedAt ?? null,
      past.purgeAt ?? null,
    )
    return id
  }

  moveSegments(from: number, to: number): void {
    this.#sql.run('update blob_segments set blob_id = ? where blob_id = ?', to, from)
  }

  shareSegments(from: number, to: number): void {
    this.#sql.run(
      `insert into blob_segments select ?, position, block_id, file, size from blob_segments
       where blob_id = ?`,
      to,
      from,
    )
  }

  /** In the order of their moments; what may no longer come back is left out. */
  of(key: BlobKey, now: number): BlobRow[] {
    return this.#sql
      .all(
        `select * from blob_past where account = ? and container = ? and name = ?
         and (purge_at is null or purge_at > ?) order by moment`,
        ...[key.account, key.container, key.name, now],
      )
      .map(toPast)
  }

  newestMoment(key: BlobKey): string {
    const row = this.#sql.get(
      'select max(moment) as moment from blob_past where account = ? and container = ? and name = ?',
      ...[key.account, key.container, key.name],
    )
    return text(row?.moment ?? '')
  }

  mark(id: number, past: Pick<Past, 'kind' | 'deletedAt' | 'purgeAt'>): void {
    this.#sql.run(
      'update blob_past set kind = ?, deleted_at = ?, purge_at = ? where id = ?',
      ...[past.kind, past.deletedAt ?? null, past.purgeAt ?? null, id],
    )
  }

  /** Without its segments. */
  remove(id: number): void {
    this.#sql.run('delete from blob_past where id = ?', id)
  }

  expired(now: number, limit: number): BlobRow[] {
    return this.#sql
      .all('select * from blob_past where purge_at <= ? order by purge_at limit ?', now, limit)
      .map(toPast)
  }

  /** Blobs as they are, and of what they were what is asked for, by name and moment. */
  list(account: string, container: string, listing: PastListing): BlobRow[] {
    const { prefix, from, kinds, now } = listing
    const place = [account, container, prefix, from.name, after(prefix), from.name, from.moment]
    const within =
      'account = ? and container = ? and name >= ? and name >= ? and name < ? and (name > ? or'
    return this.#sql
      .all(
        `select id, account, container, name, null as kind, '${present}' as moment, size, etag,
           created_at, modified_at, properties, null as deleted_at, null as purge_at
         from blob_blobs where ${within} '${present}' >= ?)
         union all select * from blob_past where ${within} moment >= ?)
         and kind in (select value from json_each(?))
         and (deleted_at is null or (? and purge_at > ?))
         order by name, moment limit ?`,
        ...[...place, ...place, JSON.stringify(kinds), listing.withDeleted ? 1 : 0, now],
        listing.limit,
      )
      .map(toPast)
  }

  // --- containers --------------------------------------------------------------------------------

  addContainer(row: ContainerRow, deleted: NonNullable<ContainerRow['deleted']>): void {
    this.#sql.run(
      'insert into blob_deleted_containers values (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      ...[row.account, row.name, deleted.version, row.etag, row.createdAt, row.modifiedAt],
      ...[JSON.stringify(row.metadata), deleted.deletedAt, deleted.purgeAt],
    )
  }

  container(account: string, name: string, version: string): ContainerRow | undefined {
    const row = this.#sql.get(
      'select * from blob_deleted_containers where account = ? and name = ? and version = ?',
      ...[account, name, version],
    )
    return row === undefined ? undefined : toDeletedContainer(row)
  }

  removeContainer({ account, name, deleted }: ContainerRow): void {
    this.#sql.run(
      'delete from blob_deleted_containers where account = ? and name = ? and version = ?',
      ...[account, name, deleted?.version],
    )
  }

  expiredContainers(now: number): ContainerRow[] {
    return this.#sql
      .all('select * from blob_deleted_containers where purge_at <= ?', now)
      .map(toDeletedContainer)
  }

  /** Those with `prefix` whose place in a listing is `from` or later. */
  containers(
    account: string,
    range: { readonly prefix: string; readonly from: string; readonly now: number },
  ): ContainerRow[] {
    return this.#sql
      .all(
        `select * from blob_deleted_containers where account = ? and name >= ? and name < ?
         and name || ' ' || version >= ? and purge_at > ? order by name, version`,
        ...[account, range.prefix, after(range.prefix), range.from, range.now],
      )
      .map(toDeletedContainer)
  }

  /** Everything in a container goes where no client can name it, or comes back from there. */
  renameContainer(account: string, from: string, to: string): void {
    for (const table of ['blob_blobs', 'blob_staged_blocks', 'blob_past']) {
      this.#sql.run(
        `update ${table} set container = ? where account = ? and container = ?`,
        ...[to, account, from],
      )
    }
  }
}

function toPast(row: Raw): BlobRow {
  if (row.kind === null) return toBlob(row)
  const { kind, deleted_at, purge_at } = row
  const past: Past = {
    kind: kind as Past['kind'],
    moment: text(row.moment),
    ...(deleted_at === null ? {} : { deletedAt: number(deleted_at) }),
    ...(purge_at === null ? {} : { purgeAt: number(purge_at) }),
  }
  return { ...toBlob(row), past }
}

function toDeletedContainer(row: Raw): ContainerRow {
  const deleted = {
    version: text(row.version),
    deletedAt: number(row.deleted_at),
    purgeAt: number(row.purge_at),
  }
  return { ...toContainer(row), deleted }
}
