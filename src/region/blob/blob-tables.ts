import type Database from 'libsql'
import { inTransaction } from '../store/database.ts'
import type { Lease } from './lease.ts'

/** Rows of the Blob service. Times in epoch milliseconds, etags without quotes. */
export interface ContainerRow {
  readonly account: string
  readonly name: string
  readonly etag: string
  readonly createdAt: number
  readonly modifiedAt: number
  readonly metadata: Readonly<Record<string, string>>
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
`

type Raw = Record<string, unknown>

/** Statements over the tables; no rules. Transactions belong to the engine. */
export class BlobTables {
  readonly #db: Database.Database
  readonly #prepared = new Map<string, Database.Statement>()

  constructor(db: Database.Database) {
    this.#db = db
    db.exec(schema)
  }

  /** Runs `work` in a transaction, or in the caller's when there is one. */
  atomically<T>(work: () => T): T {
    return inTransaction(this.#db, work)
  }

  keys(account: string): readonly [string, string] | undefined {
    const row = this.#get('select key1, key2 from blob_accounts where name = ?', account)
    return row === undefined ? undefined : [text(row.key1), text(row.key2)]
  }

  addAccount(account: string, keys: readonly [string, string]): void {
    this.#run('insert into blob_accounts values (?, ?, ?)', account, keys[0], keys[1])
  }

  container(account: string, name: string): ContainerRow | undefined {
    const row = this.#get(
      'select * from blob_containers where account = ? and name = ?',
      account,
      name,
    )
    return row === undefined ? undefined : toContainer(row)
  }

  containers(account: string, prefix: string, from: string, limit: number): ContainerRow[] {
    return this.#all(
      `select * from blob_containers where account = ? and name >= ? and name >= ? and name < ?
       order by name limit ?`,
      account,
      prefix,
      from,
      after(prefix),
      limit,
    ).map(toContainer)
  }

  saveContainer(row: ContainerRow): void {
    this.#run(
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

  /** Removes the container with everything in it; returns the files that are free now. */
  removeContainer(account: string, name: string): string[] {
    const files = this.#all(
      `select file from blob_segments where blob_id in
         (select id from blob_blobs where account = ?1 and container = ?2)
       union select file from blob_staged_blocks where account = ?1 and container = ?2`,
      account,
      name,
    ).map((row) => text(row.file))
    this.#run(
      `delete from blob_segments where blob_id in
         (select id from blob_blobs where account = ? and container = ?)`,
      account,
      name,
    )
    for (const table of ['blob_blobs', 'blob_staged_blocks']) {
      this.#run(`delete from ${table} where account = ? and container = ?`, account, name)
    }
    this.#run('delete from blob_containers where account = ? and name = ?', account, name)
    return files
  }

  blob(key: BlobKey): BlobRow | undefined {
    const row = this.#get(
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
    return this.#all(
      `select * from blob_blobs where account = ? and container = ? and name >= ? and name >= ?
       and name < ? order by name limit ?`,
      account,
      container,
      range.prefix,
      range.from,
      after(range.prefix),
      range.limit,
    ).map(toBlob)
  }

  saveBlob(blob: Omit<BlobRow, 'id'>): BlobRow {
    this.#run(
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

  removeBlob(blob: BlobRow): void {
    this.#run('delete from blob_segments where blob_id = ?', blob.id)
    this.#run('delete from blob_blobs where id = ?', blob.id)
  }

  segments(blobId: number): Segment[] {
    return this.#all('select * from blob_segments where blob_id = ? order by position', blobId).map(
      toSegment,
    )
  }

  replaceSegments(blobId: number, segments: readonly Segment[]): void {
    this.#run('delete from blob_segments where blob_id = ?', blobId)
    for (const [position, { blockId, file, size }] of segments.entries()) {
      this.#run(
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
    return this.#all(
      `select * from blob_staged_blocks where account = ? and container = ? and name = ?
       order by block_id`,
      ...names(key),
    ).map(toSegment)
  }

  stageBlock(key: BlobKey, blockId: string, file: string, size: number): void {
    this.#run(
      'insert or replace into blob_staged_blocks values (?, ?, ?, ?, ?, ?)',
      ...names(key),
      blockId,
      file,
      size,
    )
  }

  dropStagedBlocks(key: BlobKey): void {
    this.#run(
      'delete from blob_staged_blocks where account = ? and container = ? and name = ?',
      ...names(key),
    )
  }

  allFiles(): Set<string> {
    const rows = this.#all(
      'select file from blob_segments union select file from blob_staged_blocks',
    )
    return new Set(rows.map((row) => text(row.file)))
  }

  #statement(sql: string): Database.Statement {
    const known = this.#prepared.get(sql)
    if (known !== undefined) return known
    const made = this.#db.prepare(sql)
    this.#prepared.set(sql, made)
    return made
  }

  #run(sql: string, ...values: unknown[]): void {
    this.#statement(sql).run(...values)
  }

  #get(sql: string, ...values: unknown[]): Raw | undefined {
    return this.#statement(sql).get(...values) as Raw | undefined
  }

  #all(sql: string, ...values: unknown[]): Raw[] {
    return this.#statement(sql).all(...values) as Raw[]
  }
}

/** No name that begins with `prefix` sorts behind this: U+10FFFF is the last code point. */
export function after(prefix: string): string {
  return `${prefix}\u{10FFFF}\u{10FFFF}`
}

const text = (value: unknown): string => String(value)
const number = (value: unknown): number => Number(value)
const names = (key: BlobKey): [string, string, string] => [key.account, key.container, key.name]

function toContainer(row: Raw): ContainerRow {
  return {
    account: text(row.account),
    name: text(row.name),
    etag: text(row.etag),
    createdAt: number(row.created_at),
    modifiedAt: number(row.modified_at),
    metadata: JSON.parse(text(row.metadata)),
  }
}

function toBlob(row: Raw): BlobRow {
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
