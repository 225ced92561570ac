import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import Libsql from 'libsql'
import { HoldfastError } from '../model/errors.ts'

export interface StateLock {
  release(): void
}

/**
 * Makes this process the only controller of a state directory, until it releases the lock or ends in
 * any way: the kernel drops the lock of a killed process, so no stale lock can remain. Throws
 * `controller.already-running` (operator) when another one holds it.
 */
export function lockStateDirectory(stateDir: string, now: Date = new Date()): StateLock {
  const folder = resolve(stateDir)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const holderFile = join(folder, 'controller.pid')
  // An exclusive transaction on an empty database is a file lock that Node itself does not offer.
  const file = new Libsql(join(folder, 'controller.lock'), { timeout: 0 })
  try {
    file.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    file.close()
    if ((cause as { code?: string }).code !== 'SQLITE_BUSY') throw cause
    throw alreadyRunning(folder, holderFile, cause)
  }
  writeFileSync(holderFile, `${JSON.stringify({ pid: process.pid, since: now.toISOString() })}\n`, {
    mode: 0o600,
  })
  return {
    release: () => {
      if (!file.open) return
      rmSync(holderFile, { force: true })
      file.close()
    },
  }
}

function alreadyRunning(folder: string, holderFile: string, cause: unknown): HoldfastError {
  const holder = readHolder(holderFile)
  return new HoldfastError(
    'controller.already-running',
    holder === undefined
      ? `Another controller works on ${folder}.`
      : `The controller with process id ${holder.pid} has worked on ${folder} since ${holder.since}.`,
    {
      kind: 'operator',
      hint:
        holder === undefined
          ? 'Use it, or choose another state directory.'
          : `Use it (commands find it by themselves), or stop it: kill ${holder.pid}`,
      place: folder,
      cause,
    },
  )
}

/** Undefined in the instant between the other controller's lock and its note. */
function readHolder(path: string): { pid: number; since: string } | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as { pid: number; since: string }
  } catch {
    return undefined
  }
}
