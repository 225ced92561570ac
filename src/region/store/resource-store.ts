import { randomUUID } from 'node:crypto'
import type Database from 'libsql'
import { idKey, parentId } from '../arm/arm-path.ts'
import type { ArmResource, Caller, ResourceStore, SystemData } from '../context.ts'
import { inTransaction, type Migration, migrate } from './database.ts'

const migrations: readonly Migration[] = [
  {
    name: 'resources-1',
    sql: `
      CREATE TABLE resources (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL UNIQUE,
        parent_key TEXT NOT NULL,
        type_key TEXT NOT NULL,
        id TEXT NOT NULL,
        name TEXT NOT NULL,
        type TEXT NOT NULL,
        etag TEXT NOT NULL,
        system TEXT NOT NULL,
        body TEXT NOT NULL,
        secrets TEXT NOT NULL
      );
      CREATE INDEX resources_by_parent ON resources (type_key, parent_key, seq, name);
      CREATE INDEX resources_by_type ON resources (type_key, seq);`,
  },
]

interface Row {
  seq: number
  id: string
  name: string
  type: string
  etag: string
  system: string
  body: string
  secrets: string
}

/** One resource with its place in creation order, which is what continuation tokens carry. */
export interface ListedResource {
  readonly seq: number
  readonly resource: ArmResource
}
export interface ScanOptions {
  readonly afterSeq?: number
  readonly limit: number
  readonly newestFirst?: boolean
}

export interface ArmStore extends ResourceStore {
  /** Resources of one type at or below a scope, in creation order or the newest first. */
  scan(scopeId: string, type: string, options: ScanOptions): ListedResource[]
  /** Everything below `id`, deepest first: the order in which it is taken away. */
  descendants(id: string): ArmResource[]
  /** Every type that some resource has, in lower case. */
  types(): string[]
  /** The highest name below a container that is a whole number; 0 when there is none. */
  highestNumber(containerId: string, type: string): number
  /** Writes service-made fields without touching `systemData`; undefined when the resource is gone. */
  amend(
    id: string,
    change: (body: Record<string, unknown>) => Record<string, unknown>,
  ): ArmResource | undefined
}

export function openResourceStore(options: {
  readonly db: Database.Database
  readonly clock: () => Date
}): ArmStore {
  const { db, clock } = options
  migrate(db, migrations)
  const columns = 'seq, id, name, type, etag, system, body, secrets'
  const byKey = db.prepare(`SELECT ${columns} FROM resources WHERE key = ?`)
  const insert = db.prepare(
    `INSERT INTO resources (key, parent_key, type_key, id, name, type, etag, system, body, secrets)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const update = db.prepare(
    'UPDATE resources SET etag = ?, system = ?, body = ?, secrets = ? WHERE key = ?',
  )
  const remove = db.prepare('DELETE FROM resources WHERE key = ?')
  const below = db.prepare(
    `SELECT ${columns} FROM resources WHERE key >= ? AND key < ? ORDER BY length(key) DESC, seq`,
  )
  const children = (order: 'ASC' | 'DESC') =>
    db.prepare(
      `SELECT ${columns} FROM resources WHERE type_key = ? AND parent_key = ?
       AND seq ${order === 'ASC' ? '>' : '<'} ? ORDER BY seq ${order} LIMIT ?`,
    )
  const within = (order: 'ASC' | 'DESC') =>
    db.prepare(
      `SELECT ${columns} FROM resources WHERE type_key = ? AND key >= ? AND key < ?
       AND seq ${order === 'ASC' ? '>' : '<'} ? ORDER BY seq ${order} LIMIT ?`,
    )
  const scans = {
    children: { ASC: children('ASC'), DESC: children('DESC') },
    within: { ASC: within('ASC'), DESC: within('DESC') },
  }

  const highest = db.prepare(
    `SELECT max(CAST(name AS INTEGER)) AS top FROM resources
     WHERE type_key = ? AND parent_key = ? AND name NOT GLOB '*[^0-9]*'`,
  )

  const allTypes = db.prepare('SELECT DISTINCT type_key FROM resources ORDER BY type_key')
  const find = (id: string) => byKey.get(idKey(id)) as Row | undefined

  const stamp = (actor: Caller, before?: SystemData): SystemData => {
    const now = clock().toISOString()
    return {
      createdBy: before?.createdBy ?? actor.displayName,
      createdByType: before?.createdByType ?? 'Application',
      createdAt: before?.createdAt ?? now,
      lastModifiedBy: actor.displayName,
      lastModifiedByType: 'Application',
      lastModifiedAt: now,
    }
  }

  const store: ArmStore = {
    get(id) {
      const row = find(id)
      return row && toResource(row)
    },
    put(id, type, document, actor) {
      return inTransaction(db, () => {
        const key = idKey(id)
        const existing = find(id)
        const body = JSON.stringify(document.body)
        const etag = newEtag()
        if (existing) {
          const system = stamp(actor, JSON.parse(existing.system) as SystemData)
          const secrets = document.secrets ? JSON.stringify(document.secrets) : existing.secrets
          update.run(etag, JSON.stringify(system), body, secrets, key)
        } else {
          const secrets = JSON.stringify(document.secrets ?? {})
          // A child takes its parent's spelling, whatever the case of the path it was written to.
          const parent = parentId(id)
          const owner = find(parent)
          const canonicalId = owner ? owner.id + id.slice(parent.length) : id
          const name = id.slice(id.lastIndexOf('/') + 1)
          const system = JSON.stringify(stamp(actor))
          const parentKey = idKey(parent)
          const typeKey = type.toLowerCase()
          insert.run(key, parentKey, typeKey, canonicalId, name, type, etag, system, body, secrets)
        }
        return toResource(find(id) as Row)
      })
    },
    delete: (id) => remove.run(idKey(id)).changes > 0,
    list(scope, type, page = {}) {
      const afterSeq = page.afterId === undefined ? 0 : (find(page.afterId)?.seq ?? 0)
      const found = store.scan(scope, type, { afterSeq, limit: page.limit ?? 1_000_000 })
      return found.map((entry) => entry.resource)
    },
    scan(scope, type, { afterSeq, limit, newestFirst = false }) {
      const order = newestFirst ? 'DESC' : 'ASC'
      const start = afterSeq ?? (newestFirst ? Number.MAX_SAFE_INTEGER : 0)
      const scopeKey = idKey(scope)
      const typeKey = type.toLowerCase()
      const owner = find(scope)
      const direct = owner !== undefined && parentType(typeKey) === owner.type.toLowerCase()
      const rows = direct
        ? scans.children[order].all(typeKey, scopeKey, start, limit)
        : scans.within[order].all(typeKey, `${scopeKey}/`, `${scopeKey}0`, start, limit)
      return (rows as Row[]).map((row) => ({ seq: row.seq, resource: toResource(row) }))
    },
    descendants(id) {
      const key = idKey(id)
      return (below.all(`${key}/`, `${key}0`) as Row[]).map(toResource)
    },
    types: () => (allTypes.all() as { type_key: string }[]).map((row) => row.type_key),
    highestNumber(containerId, type) {
      const row = highest.get(type.toLowerCase(), idKey(containerId)) as { top: number | null }
      return row.top ?? 0
    },
    amend(id, change) {
      return inTransaction(db, () => {
        const row = find(id)
        if (!row) return undefined
        const body = change(JSON.parse(row.body) as Record<string, unknown>)
        update.run(newEtag(), row.system, JSON.stringify(body), row.secrets, idKey(id))
        return toResource(find(id) as Row)
      })
    },
  }
  return store
}

const newEtag = () => `"${randomUUID()}"`
const parentType = (typeKey: string) => typeKey.slice(0, typeKey.lastIndexOf('/'))

function toResource(row: Row): ArmResource {
  return {
    id: row.id,
    name: row.name,
    type: row.type,
    etag: row.etag,
    systemData: JSON.parse(row.system) as SystemData,
    body: JSON.parse(row.body) as Record<string, unknown>,
    secrets: JSON.parse(row.secrets) as Record<string, unknown>,
  }
}
