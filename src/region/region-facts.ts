import type Database from 'libsql'
import { RegionError } from './region-error.ts'
import { migrate } from './store/database.ts'

/**
 * A data directory belongs to one region: documents in it name their location. Throws
 * `region.name-differs` when it was made under another name.
 */
export function claimName(db: Database.Database, dataDir: string, name: string): void {
  migrate(db, [{ name: 'region-1', sql: 'CREATE TABLE region (name TEXT NOT NULL)' }])
  const known = db.prepare('SELECT name FROM region').get() as { name: string } | undefined
  if (known === undefined) {
    db.prepare('INSERT INTO region VALUES (?)').run(name)
  } else if (known.name !== name) {
    throw new RegionError(
      'region.name-differs',
      `The data directory ${dataDir} holds the region ${known.name}, not ${name}.`,
      `Start it with --name ${known.name}, or give another --data directory.`,
    )
  }
}

/** Ports to try, best first. */
export interface PortWishes {
  readonly main: readonly number[]
  readonly storage: readonly number[]
  readonly proxy: readonly number[]
}

/**
 * Documents hold addresses of this region (code and model locations), so a region that may choose
 * its ports takes those of its last start again when they are free.
 */
export function rememberedPorts(
  db: Database.Database,
  wanted: { readonly port?: number; readonly storagePort?: number },
): PortWishes {
  migrate(db, [
    { name: 'ports-1', sql: 'CREATE TABLE ports (listener TEXT PRIMARY KEY, port INTEGER)' },
  ])
  const find = db.prepare('SELECT port FROM ports WHERE listener = ?')
  const last = (listener: string) => (find.get(listener) as { port: number } | undefined)?.port
  const wishes = (listener: string, port: number) => {
    const before = last(listener)
    return port === 0 && before !== undefined ? [before, 0] : [port]
  }
  const port = wanted.port ?? 0
  return {
    main: wishes('main', port),
    storage: wishes('storage', wanted.storagePort ?? (port === 0 ? 0 : port + 1)),
    // Clients read its address from the cloud file, so any port will do.
    proxy: [last('proxy') ?? 0, 0],
  }
}

export function rememberPorts(
  db: Database.Database,
  ports: { readonly main: number; readonly storage: number; readonly proxy: number },
): void {
  const write = db.prepare('INSERT OR REPLACE INTO ports VALUES (?, ?)')
  write.run('main', ports.main)
  write.run('storage', ports.storage)
  write.run('proxy', ports.proxy)
}
