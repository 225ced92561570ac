import { randomUUID } from 'node:crypto'
import type Database from 'libsql'
import { inTransaction, migrate } from '../store/database.ts'

/** One version of a secret. Times are seconds since 1970, as Key Vault writes them. */
export interface SecretVersion {
  readonly name: string
  readonly version: string
  readonly value: string
  readonly contentType: string | undefined
  readonly tags: Record<string, string> | undefined
  readonly attributes: SecretAttributes
}
export interface SecretAttributes {
  readonly enabled: boolean
  readonly nbf?: number
  readonly exp?: number
  readonly created: number
  readonly updated: number
}
export interface DeletedSecret {
  readonly secret: SecretVersion
  readonly deletedAt: number
  readonly purgeAt: number
}
/** A place in a listing: after this name or version. */
export interface SecretPage {
  readonly after: string | undefined
  readonly limit: number
}
export type SecretChange = Partial<Pick<SecretVersion, 'contentType' | 'tags'>> & {
  readonly attributes?: Partial<SecretAttributes>
}

/** Secrets of every vault of the region. Names ignore case, as in Key Vault. */
export interface SecretStore {
  set(vault: string, name: string, value: string, change: SecretChange): SecretVersion
  /** The newest version when none is named. Deleted secrets are absent. */
  get(vault: string, name: string, version?: string): SecretVersion | undefined
  update(
    vault: string,
    name: string,
    version: string,
    change: SecretChange,
  ): SecretVersion | undefined
  /** The newest version of each secret, by name, after a name. */
  list(vault: string, afterName: string, limit: number): SecretVersion[]
  /** The newest first. */
  versions(vault: string, name: string, page: SecretPage): SecretVersion[]
  isDeleted(vault: string, name: string): boolean
  /** Without days it is gone at once. */
  delete(vault: string, name: string, days: number | undefined): DeletedSecret | undefined
  findDeleted(vault: string, name: string): DeletedSecret | undefined
  /** By name. */
  listDeleted(vault: string, page: SecretPage): DeletedSecret[]
  recover(vault: string, name: string): SecretVersion | undefined
  purge(vault: string, name: string): boolean
  /** Takes away everything of a vault that is purged. */
  forget(vault: string): void
}

interface Row {
  name: string
  version: string
  value: string
  content_type: string | null
  tags: string | null
  attributes: string
  deleted_at: number | null
  purge_at: number | null
}

export function openSecretStore(options: {
  readonly db: Database.Database
  readonly clock: () => Date
}): SecretStore {
  const { db } = options
  migrate(db, [
    {
      name: 'vault-1',
      sql: `
        CREATE TABLE vault_secrets (
          seq INTEGER PRIMARY KEY AUTOINCREMENT,
          vault TEXT NOT NULL,
          name_key TEXT NOT NULL,
          name TEXT NOT NULL,
          version TEXT NOT NULL,
          value TEXT NOT NULL,
          content_type TEXT,
          tags TEXT,
          attributes TEXT NOT NULL,
          deleted_at INTEGER,
          UNIQUE (vault, name_key, version)
        );`,
    },
    {
      // Until now every deleted secret was kept for 90 days.
      name: 'vault-2',
      sql: `
        ALTER TABLE vault_secrets ADD COLUMN purge_at INTEGER;
        UPDATE vault_secrets SET purge_at = deleted_at + 90 * 86400 WHERE deleted_at IS NOT NULL;
        CREATE INDEX vault_secrets_by_purge ON vault_secrets (purge_at)
          WHERE purge_at IS NOT NULL;`,
    },
  ])
  const columns = 'name, version, value, content_type, tags, attributes, deleted_at, purge_at'
  const insert = db.prepare(
    `INSERT INTO vault_secrets
     (vault, name_key, name, version, value, content_type, tags, attributes)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const change = db.prepare(
    `UPDATE vault_secrets SET content_type = ?, tags = ?, attributes = ?
     WHERE vault = ? AND name_key = ? AND version = ?`,
  )
  const all = db.prepare(
    `SELECT ${columns} FROM vault_secrets WHERE vault = ? AND name_key = ? ORDER BY seq DESC`,
  )
  const newest = db.prepare(
    `SELECT ${columns} FROM vault_secrets WHERE vault = ? AND name_key > ? AND deleted_at IS NULL
     AND seq = (SELECT max(seq) FROM vault_secrets other WHERE other.vault = vault_secrets.vault
                AND other.name_key = vault_secrets.name_key)
     ORDER BY name_key LIMIT ?`,
  )
  const newestDeleted = db.prepare(
    `SELECT ${columns}, max(seq) FROM vault_secrets
     WHERE vault = ? AND name_key > ? AND deleted_at IS NOT NULL
     GROUP BY name_key ORDER BY name_key LIMIT ?`,
  )
  const mark = db.prepare(
    'UPDATE vault_secrets SET deleted_at = ?, purge_at = ? WHERE vault = ? AND name_key = ?',
  )
  const eraseExpired = db.prepare('DELETE FROM vault_secrets WHERE purge_at <= ?')
  const erase = db.prepare('DELETE FROM vault_secrets WHERE vault = ? AND name_key = ?')
  const eraseAll = db.prepare('DELETE FROM vault_secrets WHERE vault = ?')
  const now = () => Math.floor(options.clock().getTime() / 1000)
  const keys = (vault: string, name: string) => [vault.toLowerCase(), name.toLowerCase()] as const
  const rows = (vault: string, name: string) => {
    eraseExpired.run(now())
    return all.all(...keys(vault, name)) as Row[]
  }
  const live = (vault: string, name: string) =>
    rows(vault, name).filter((row) => row.deleted_at === null)
  const json = (value: object | undefined) => (value === undefined ? null : JSON.stringify(value))

  const store: SecretStore = {
    set(vault, name, value, { contentType, tags, attributes }) {
      const version = randomUUID().replaceAll('-', '')
      const created = now()
      const stamped = { enabled: true, ...attributes, created, updated: created }
      const [vaultKey, nameKey] = keys(vault, name)
      // The first spelling of a name stays.
      const shown = rows(vault, name).at(-1)?.name ?? name
      const type = contentType ?? null
      insert.run(vaultKey, nameKey, shown, version, value, type, json(tags), json(stamped))
      return toSecret(live(vault, name)[0] as Row)
    },
    get(vault, name, version) {
      const row = live(vault, name).find((one) => !version || one.version === version)
      return row && toSecret(row)
    },
    update(vault, name, version, { contentType, tags, attributes }) {
      const before = store.get(vault, name, version)
      if (!before) return undefined
      const after = { ...before.attributes, ...attributes, updated: now() }
      const type = contentType ?? before.contentType ?? null
      change.run(type, json(tags ?? before.tags), json(after), ...keys(vault, name), version)
      return store.get(vault, name, version)
    },
    list: (vault, afterName, limit) =>
      (newest.all(...keys(vault, afterName), limit) as Row[]).map(toSecret),
    versions(vault, name, { after, limit }) {
      const found = live(vault, name)
      const start = after === undefined ? 0 : found.findIndex((row) => row.version === after) + 1
      return found.slice(start, start + limit).map(toSecret)
    },
    isDeleted: (vault, name) => rows(vault, name).some((row) => row.deleted_at !== null),
    delete(vault, name, days) {
      return inTransaction(db, () => {
        const row = live(vault, name)[0]
        if (!row) return undefined
        const deletedAt = now()
        const purgeAt = deletedAt + (days ?? 0) * daySeconds
        if (days === undefined) erase.run(...keys(vault, name))
        else mark.run(deletedAt, purgeAt, ...keys(vault, name))
        return { secret: toSecret(row), deletedAt, purgeAt }
      })
    },
    findDeleted(vault, name) {
      const row = rows(vault, name).find((one) => one.deleted_at !== null)
      return row && toDeleted(row)
    },
    listDeleted(vault, { after = '', limit }) {
      eraseExpired.run(now())
      return (newestDeleted.all(...keys(vault, after), limit) as Row[]).map(toDeleted)
    },
    recover(vault, name) {
      if (!store.isDeleted(vault, name)) return undefined
      mark.run(null, null, ...keys(vault, name))
      return store.get(vault, name)
    },
    purge(vault, name) {
      if (!store.isDeleted(vault, name)) return false
      return erase.run(...keys(vault, name)).changes > 0
    },
    forget(vault) {
      eraseAll.run(vault.toLowerCase())
    },
  }
  return store
}

const daySeconds = 86_400

function toDeleted(row: Row): DeletedSecret {
  const { deleted_at, purge_at } = row
  return { secret: toSecret(row), deletedAt: deleted_at ?? 0, purgeAt: purge_at ?? 0 }
}

function toSecret(row: Row): SecretVersion {
  return {
    name: row.name,
    version: row.version,
    value: row.value,
    contentType: row.content_type ?? undefined,
    tags: row.tags === null ? undefined : (JSON.parse(row.tags) as Record<string, string>),
    attributes: JSON.parse(row.attributes) as SecretAttributes,
  }
}
