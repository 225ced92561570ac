import type Database from 'libsql'
import type { Lease } from './lease.ts'
import { number, type Raw, Statements, text } from './statements.ts'

/** Rows of the Blob service. Times in epoch milliseconds, etags without quotes. */
export interface ContainerRow {
  readonly account: string
  readonly name: string
  readonly etag: string
  readonly createdAt: number
  readonly modifiedAt: number
  readonly metadata: Readonly<Record<string, string>>
  /** Set when it was deleted and can be restored. */
  readonly deleted?: {
    readonly version: string
    readonly deletedAt: number
    readonly purgeAt: number
  }
}

export interface BlobKey {
  readonly account: string
  readonly container: string
  readonly name: string
}

export interface BlobRow extends BlobKey {
  readonly id: number
  readonly size: number
  readonly etag: string
  readonly createdAt: number
  readonly modifiedAt: number
  readonly properties: BlobProperties
  /** Set when this is not what the blob is now, but what it was. */
  readonly past?: Past
}

/** A state that is kept: a version, a snapshot, or a deleted blob. */
export interface Past {
  readonly kind: 'version' | 'snapshot' | 'deleted'
  /** When it was, as the service names versions and snapshots: `2026-01-31T00:00:00.0000000Z`. */
  readonly moment: string
  /** Set when it is soft-deleted; epoch milliseconds. */
  readonly deletedAt?: number
  /** From then on it cannot be restored. */
  readonly purgeAt?: number
}

/** Everything of a blob that no query selects by; stored as one JSON column. */
export interface BlobProperties {
  readonly contentType: string
  /** Base64. */
  readonly contentMd5?: string | undefined
  readonly contentEncoding?: string | undefined
  readonly contentLanguage?: string | undefined
  readonly contentDisposition?: string | undefined
  readonly cacheControl?: string | undefined
  readonly metadata: Readonly<Record<string, string>>
  readonly accessTier?: string | undefined
  readonly lease?: Lease | undefined
  readonly copy?: CopyRecord | undefined
  /** The name of this state as a version; set when versioning was on as it was written. */
  readonly versionId?: string | undefined
}

export interface CopyRecord {
  readonly id: string
  /** Without the query: a SAS is a secret. */
  readonly source: string
  readonly completedAt: number
  readonly bytes: number
}

/** A piece of a blob's content, in order. `blockId` is undefined for content put in one piece. */
export interface Segment {
  readonly blockId: string | undefined
  readonly file: string
  readonly size: number
}

const schema = `
create table if not exists blob_accounts (
  name text primary key, key1 text not null, key2 text not null) strict;
create table if not exists blob_containers (
  account text not null, name text not null, etag text not null, created_at integer not null,
  modified_at integer not null, metadata text not null, primary key (account, name)) strict;
create table if not exists blob_blobs (
  id integer primary key, account text not null, container text not null, name text not null,
  size integer not null, etag text not null, created_at integer not null,
  modified_at integer not null, properties text not null,
  unique (account, container, name)) strict;
create table if not exists blob_segments (
  blob_id integer not null, position integer not null, block_id text, file text not null,
  size integer not null, primary key (blob_id, position)) strict, without rowid;
create table if not exists blob_staged_blocks (
  account text not null, container text not null, name text not null, block_id text not null,
  file text not null, size integer not null,
  primary key (account, container, name, block_id)) strict, without rowid;
create index if not exists blob_segments_by_file on blob_segments (file);
create index if not exists blob_staged_blocks_by_file on blob_staged_blocks (file);
`

/** Statements over the tables; no rules. Transactions belong to the engine. */
export class BlobTables {
  readonly #sql: Statements

  constructor(db: Database.Database) {
    this.#sql = new Statements(db, schema)
  }

  /** Runs `work` in a transaction, or in the caller's when there is one. */
  atomically<T>(work: () => T): T {
    return this.#sql.atomically(work)
  }

  keys(account: string): readonly [string, string] | undefined {
    const row = this.#sql.get('select key1, key2 from blob_accounts where name = ?', account)
    return row === undefined ? undefined : [text(row.key1), text(row.key2)]
  }

  addAccount(account: string, keys: readonly [string, string]): void {
    this.#sql.run('insert into blob_accounts values (?, ?, ?)', account, keys[0], keys[1])
  }

  container(account: string, name: string): ContainerRow | undefined {
    const row = this.#sql.get(
      'select * from blob_containers where account = ? and name = ?',
      account,
      name,
    )
    return row === undefined ? undefined : toContainer(row)
  }

  containers(account: string, prefix: string, from: string, limit: number): ContainerRow[] {
    return this.#sql
      .all(
        `select * from blob_containers where account = ? and name >= ? and name >= ? and name < ?
       order by name limit ?`,
        account,
        prefix,
        from,
        after(prefix),
        limit,
      )
      .map(toContainer)
  }

  saveContainer(row: ContainerRow): void {
    this.#sql.run(
      `insert into blob_containers values (?, ?, ?, ?, ?, ?) on conflict (account, name)
       do update set etag = excluded.etag, modified_at = excluded.modified_at,
       metadata = excluded.metadata`,
      row.account,
      row.name,
      row.etag,
      row.createdAt,
      row.modifiedAt,
      JSON.stringify(row.metadata),
    )
  }

  /** Removes everything in a container; returns the files that this may have freed. */
  emptyContainer(account: string, name: string): string[] {
    const blobs = `select id from blob_blobs where account = ?1 and container = ?2
      union all select id from blob_past where account = ?1 and container = ?2`
    const files = this.#sql
      .all(
        `select file from blob_segments where blob_id in (${blobs})
         union select file from blob_staged_blocks where account = ?1 and container = ?2`,
        account,
        name,
      )
      .map((row) => text(row.file))
    this.#sql.run(`delete from blob_segments where blob_id in (${blobs})`, account, name)
    for (const table of ['blob_blobs', 'blob_past', 'blob_staged_blocks']) {
      this.#sql.run(`delete from ${table} where account = ? and container = ?`, account, name)
    }
    return files
  }

  removeContainer(account: string, name: string): void {
    this.#sql.run('delete from blob_containers where account = ? and name = ?', account, name)
  }

  blob(key: BlobKey): BlobRow | undefined {
    const row = this.#sql.get(
      'select * from blob_blobs where account = ? and container = ? and name = ?',
      ...names(key),
    )
    return row === undefined ? undefined : toBlob(row)
  }

  /** Blobs with `prefix`, named `from` or later, in the order of their UTF-8 names. */
  blobs(
    account: string,
    container: string,
    range: { readonly prefix: string; readonly from: string; readonly limit: number },
  ): BlobRow[] {
    return this.#sql
      .all(
        `select * from blob_blobs where account = ? and container = ? and name >= ? and name >= ?
       and name < ? order by name limit ?`,
        account,
        container,
        range.prefix,
        range.from,
        after(range.prefix),
        range.limit,
      )
      .map(toBlob)
  }

  saveBlob(blob: Omit<BlobRow, 'id'>): BlobRow {
    this.#sql.run(
      `insert into blob_blobs (account, container, name, size, etag, created_at, modified_at,
       properties) values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (account, container, name)
       do update set size = excluded.size, etag = excluded.etag, created_at = excluded.created_at,
       modified_at = excluded.modified_at, properties = excluded.properties`,
      ...names(blob),
      blob.size,
      blob.etag,
      blob.createdAt,
      blob.modifiedAt,
      JSON.stringify(blob.properties),
    )
    const saved = this.blob(blob)
    if (saved === undefined) throw new Error('a row that was just written is not there')
    return saved
  }

  /** Without its segments. */
  removeBlob(blob: BlobRow): void {
    this.#sql.run('delete from blob_blobs where id = ?', blob.id)
  }

  removeSegments(blobId: number): void {
    this.#sql.run('delete from blob_segments where blob_id = ?', blobId)
  }

  segments(blobId: number): Segment[] {
    return this.#sql
      .all('select * from blob_segments where blob_id = ? order by position', blobId)
      .map(toSegment)
  }

  replaceSegments(blobId: number, segments: readonly Segment[]): void {
    this.#sql.run('delete from blob_segments where blob_id = ?', blobId)
    for (const [position, { blockId, file, size }] of segments.entries()) {
      this.#sql.run(
        'insert into blob_segments values (?, ?, ?, ?, ?)',
        blobId,
        position,
        blockId ?? null,
        file,
        size,
      )
    }
  }

  stagedBlocks(key: BlobKey): Segment[] {
    return this.#sql
      .all(
        `select * from blob_staged_blocks where account = ? and container = ? and name = ?
       order by block_id`,
        ...names(key),
      )
      .map(toSegment)
  }

  stageBlock(key: BlobKey, blockId: string, file: string, size: number): void {
    this.#sql.run(
      'insert or replace into blob_staged_blocks values (?, ?, ?, ?, ?, ?)',
      ...names(key),
      blockId,
      file,
      size,
    )
  }

  dropStagedBlocks(key: BlobKey): void {
    this.#sql.run(
      'delete from blob_staged_blocks where account = ? and container = ? and name = ?',
      ...names(key),
    )
  }

  /** Of these files, those that no row names any more: the others are still somebody's content. */
  unnamed(files: readonly string[]): string[] {
    return files.filter(
      (file) =>
        this.#sql.get(
          `select 1 from blob_segments where file = ?1
           union all select 1 from blob_staged_blocks where file = ?1 limit 1`,
          file,
        ) === undefined,
    )
  }

  allFiles(): Set<string> {
    const rows = this.#sql.all(
      'select file from blob_segments union select file from blob_staged_blocks',
    )
    return new Set(rows.map((row) => text(row.file)))
  }
}

/** No name that begins with `prefix` sorts behind this: U+10FFFF is the last code point. */
export function after(prefix: string): string {
  return `${prefix}\u{10FFFF}\u{10FFFF}`
}

const names = (key: BlobKey): [string, string, string] => [key.account, key.container, key.name]

export function toContainer(row: Raw): ContainerRow {
  return {
    account: text(row.account),
    name: text(row.name),
    etag: text(row.etag),
    createdAt: number(row.created_at),
    modifiedAt: number(row.modified_at),
    metadata: JSON.parse(text(row.metadata)),
  }
}

export function toBlob(row: Raw): BlobRow {
  return {
    id: number(row.id),
    account: text(row.account),
    container: text(row.container),
    name: text(row.name),
    size: number(row.size),
    etag: text(row.etag),
    createdAt: number(row.created_at),
    modifiedAt: number(row.modified_at),
    properties: JSON.parse(text(row.properties)),
  }
}

function toSegment(row: Raw): Segment {
  const blockId = row.block_id
  return {
    blockId: blockId === null ? undefined : text(blockId),
    file: text(row.file),
    size: number(row.size),
  }
}
