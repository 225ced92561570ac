import type Database from 'libsql'
import { inTransaction } from '../store/database.ts'
import type { Extent } from './extents.ts'

/** Rows of the File service. Times in epoch milliseconds, etags without quotes. */
export interface ShareRow {
  readonly account: string
  readonly name: string
  readonly etag: string
  readonly createdAt: number
  readonly modifiedAt: number
  readonly metadata: Readonly<Record<string, string>>
  readonly quotaGib: number
}

/** Paths have no slash at either end; the root of a share is ''. Looked up without regard to case. */
export interface NodeKey {
  readonly account: string
  readonly share: string
  readonly path: string
}

export interface NodeRow extends NodeKey {
  readonly id: number
  readonly kind: 'file' | 'directory'
  readonly size: number
  readonly etag: string
  readonly modifiedAt: number
  readonly properties: NodeProperties
}

export interface NodeProperties {
  readonly metadata: Readonly<Record<string, string>>
  /** `Archive | ReadOnly` and the like, as the writer gave them. */
  readonly attributes: string
  readonly createdAt: string
  readonly writtenAt: string
  readonly changedAt: string
  readonly permissionKey: string
  readonly content: ContentHeaders
}
export interface ContentHeaders {
  readonly type?: string | undefined
  readonly encoding?: string | undefined
  readonly language?: string | undefined
  readonly disposition?: string | undefined
  readonly cacheControl?: string | undefined
  readonly md5?: string | undefined
}

const schema = `
create table if not exists file_shares (
  account text not null, name text not null, etag text not null, created_at integer not null,
  modified_at integer not null, metadata text not null, quota_gib integer not null,
  primary key (account, name)) strict;
create table if not exists file_nodes (
  id integer primary key autoincrement, account text not null, share text not null,
  parent_key text not null, path_key text not null, path text not null, kind text not null,
  size integer not null, etag text not null, modified_at integer not null,
  properties text not null, unique (account, share, path_key)) strict;
create index if not exists file_nodes_by_parent on file_nodes (account, share, parent_key, path_key);
create table if not exists file_extents (
  node integer not null, start integer not null, length integer not null, content text not null,
  offset integer not null, primary key (node, start)) strict, without rowid;
create index if not exists file_extents_by_content on file_extents (content);
`

type Raw = Record<string, unknown>

/** Statements over the tables; no rules. */
export class FileTables {
  readonly #db: Database.Database
  readonly #prepared = new Map<string, Database.Statement>()

  constructor(db: Database.Database) {
    this.#db = db
    db.exec(schema)
  }

  atomically<T>(work: () => T): T {
    return inTransaction(this.#db, work)
  }

  share(account: string, name: string): ShareRow | undefined {
    const row = this.#get('select * from file_shares where account = ? and name = ?', account, name)
    return row === undefined ? undefined : toShare(row)
  }

  shares(account: string, prefix: string, from: string, limit: number): ShareRow[] {
    return this.#all(
      `select * from file_shares where account = ? and name >= ? and name >= ? and name < ?
       order by name limit ?`,
      ...[account, prefix, from, `${prefix}\u{10FFFF}`, limit],
    ).map(toShare)
  }

  saveShare(row: ShareRow): void {
    this.#run(
      `insert into file_shares values (?, ?, ?, ?, ?, ?, ?) on conflict (account, name) do update
       set etag = excluded.etag, modified_at = excluded.modified_at,
       metadata = excluded.metadata, quota_gib = excluded.quota_gib`,
      ...[row.account, row.name, row.etag, row.createdAt, row.modifiedAt],
      ...[JSON.stringify(row.metadata), row.quotaGib],
    )
  }

  /** Removes the share with everything in it; returns the content that is free now. */
  removeShare(account: string, name: string): string[] {
    const inside = 'select id from file_nodes where account = ?1 and share = ?2'
    const freed = this.#all(
      `select distinct content from file_extents where node in (${inside})`,
      ...[account, name],
    )
    this.#run(`delete from file_extents where node in (${inside})`, account, name)
    this.#run('delete from file_nodes where account = ? and share = ?', account, name)
    this.#run('delete from file_shares where account = ? and name = ?', account, name)
    return freed.map((row) => String(row.content))
  }

  usedBytes(account: string, share: string): number {
    const sql = 'select total(size) as used from file_nodes where account = ? and share = ?'
    return Number(this.#get(sql, account, share)?.used ?? 0)
  }

  node({ account, share, path }: NodeKey): NodeRow | undefined {
    const row = this.#get(
      'select * from file_nodes where account = ? and share = ? and path_key = ?',
      ...[account, share, keyOf(path)],
    )
    return row === undefined ? undefined : toNode(row)
  }

  /** What lies directly in a directory, whose name begins with `prefix`, from the key `from` on. */
  children(
    { account, share, path }: NodeKey,
    page: { readonly prefix: string; readonly from: string; readonly limit: number },
  ): NodeRow[] {
    const begin = keyOf(path === '' ? page.prefix : `${path}/${page.prefix}`)
    return this.#all(
      `select * from file_nodes where account = ? and share = ? and parent_key = ?
       and path_key >= ? and path_key >= ? and path_key < ? order by path_key limit ?`,
      ...[account, share, keyOf(path), begin, page.from, `${begin}\u{10FFFF}`, page.limit],
    ).map(toNode)
  }

  /** Everything below a directory, however deep. */
  below({ account, share, path }: NodeKey): NodeRow[] {
    const begin = `${keyOf(path)}/`
    return this.#all(
      'select * from file_nodes where account = ? and share = ? and path_key >= ? and path_key < ?',
      ...[account, share, begin, `${begin}\u{10FFFF}`],
    ).map(toNode)
  }

  addNode(row: Omit<NodeRow, 'id'>): void {
    this.#run(
      `insert into file_nodes (account, share, parent_key, path_key, path, kind, size, etag,
       modified_at, properties) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[row.account, row.share, keyOf(parentOf(row.path)), keyOf(row.path), row.path, row.kind],
      ...[row.size, row.etag, row.modifiedAt, JSON.stringify(row.properties)],
    )
  }

  saveNode(row: NodeRow): void {
    this.#run(
      `update file_nodes set parent_key = ?, path_key = ?, path = ?, size = ?, etag = ?,
       modified_at = ?, properties = ? where id = ?`,
      ...[keyOf(parentOf(row.path)), keyOf(row.path), row.path, row.size, row.etag],
      ...[row.modifiedAt, JSON.stringify(row.properties), row.id],
    )
  }

  removeNode({ id }: NodeRow): void {
    this.#run('delete from file_extents where node = ?', id)
    this.#run('delete from file_nodes where id = ?', id)
  }

  extents({ id }: NodeRow): Extent[] {
    return this.#all('select * from file_extents where node = ? order by start', id).map(toExtent)
  }

  replaceExtents({ id }: NodeRow, before: readonly Extent[], after: readonly Extent[]): void {
    for (const one of before)
      if (!after.includes(one))
        this.#run('delete from file_extents where node = ? and start = ?', id, one.start)
    for (const one of after)
      if (!before.includes(one))
        this.#run(
          'insert into file_extents values (?, ?, ?, ?, ?)',
          ...[id, one.start, one.length, one.content, one.offset],
        )
  }

  /** Of some content, what no extent names any more. */
  unnamed(contents: Iterable<string>): string[] {
    const sql = 'select 1 as used from file_extents where content = ? limit 1'
    return [...new Set(contents)].filter((content) => this.#get(sql, content) === undefined)
  }

  allContent(): Set<string> {
    const rows = this.#all('select distinct content from file_extents')
    return new Set(rows.map((row) => String(row.content)))
  }

  #statement(sql: string): Database.Statement {
    const known = this.#prepared.get(sql) ?? this.#db.prepare(sql)
    this.#prepared.set(sql, known)
    return known
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

export const parentOf = (path: string): string => path.slice(0, Math.max(path.lastIndexOf('/'), 0))
export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
/** Names keep their case and are found in any. */
export const keyOf = (path: string): string => path.toLowerCase()

const toShare = (row: Raw): ShareRow => ({
  account: String(row.account),
  name: String(row.name),
  etag: String(row.etag),
  createdAt: Number(row.created_at),
  modifiedAt: Number(row.modified_at),
  metadata: JSON.parse(String(row.metadata)),
  quotaGib: Number(row.quota_gib),
})

const toNode = (row: Raw): NodeRow => ({
  id: Number(row.id),
  account: String(row.account),
  share: String(row.share),
  path: String(row.path),
  kind: row.kind === 'directory' ? 'directory' : 'file',
  size: Number(row.size),
  etag: String(row.etag),
  modifiedAt: Number(row.modified_at),
  properties: JSON.parse(String(row.properties)),
})

const toExtent = (row: Raw): Extent => ({
  start: Number(row.start),
  length: Number(row.length),
  content: String(row.content),
  offset: Number(row.offset),
})
