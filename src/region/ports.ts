import type Database from 'libsql'
import { migrate } from './store/database.ts'

/** Ports to try, best first. */
export interface PortWishes {
  readonly main: readonly number[]
  readonly storage: readonly number[]
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
  }
}

export function rememberPorts(
  db: Database.Database,
  ports: { readonly main: number; readonly storage: number },
): void {
  const write = db.prepare('INSERT OR REPLACE INTO ports VALUES (?, ?)')
  write.run('main', ports.main)
  write.run('storage', ports.storage)
}
