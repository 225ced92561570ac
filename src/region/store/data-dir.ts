import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { RegionError } from '../region-error.ts'

/**
 * `mkdir -p`. Node's own goes round for ever where a file system refuses a folder as if its parent were
 * missing, as /proc does, so each level is made once.
 */
export function makeDataDir(dataDir: string): void {
  const missing: string[] = []
  for (let path = dataDir; !isThere(path); path = dirname(path)) missing.unshift(path)
  for (const path of missing) makeFolder(path)
  if (!statSync(dataDir).isDirectory()) throw unusable(dataDir, 'it is a file')
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    // Another process may have been faster.
    if (!isThere(path)) throw error
  }
}

/** By code of the operating system or of SQLite. */
const reasons: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'its file system is read-only',
  ENOTDIR: 'a file stands where a folder has to be',
  EEXIST: 'a file stands where a folder has to be',
  EISDIR: 'a folder stands where a file has to be',
  ENOENT: 'its file system does not take new folders',
  ENOSPC: 'its disk is full',
  EDQUOT: 'its disk is full',
  SQLITE_FULL: 'its disk is full',
  SQLITE_READONLY: 'region.db cannot be written',
  SQLITE_NOTADB: 'region.db is not the database of a region',
  SQLITE_CORRUPT: 'region.db is damaged',
  SQLITE_BUSY: 'another program holds region.db',
  SQLITE_IOERR: 'its disk cannot be read or written',
}

/** What a region meets in a data directory that is of no use, as an error with a remedy. */
export function asDataDirError(dataDir: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof RegionError) return error
  const { code, message, syscall } = error as NodeJS.ErrnoException
  // A port that is refused is not the directory's fault.
  if (syscall === 'listen' || syscall === 'bind') return error
  // The driver has no code for a file that cannot be opened.
  const cannotOpen = message.startsWith('ConnectionFailed')
  const reason = cannotOpen ? 'its database cannot be opened' : code && reasons[code]
  return reason ? unusable(dataDir, reason, error) : error
}

function unusable(dataDir: string, reason: string, cause?: Error): RegionError {
  return new RegionError(
    'region.data-dir-unusable',
    `The data directory ${dataDir} cannot be used: ${reason}${cause ? ` (${cause.message})` : ''}.`,
    'Give another --data directory, or free this one for the user who starts the region.',
    cause,
  )
}
