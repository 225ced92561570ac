import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import Libsql from 'libsql'
import { HoldfastError } from '../model/errors.ts'

export interface StateLock {
  release(): void
}

/**
 * Makes this process, which `command` names, the only one that works on a state directory, until it
 * releases the lock or ends in any way: the kernel drops the lock of a killed process, so no stale lock
 * can remain. Throws `controller.already-running` (operator) when another one holds it.
 */
export function lockStateDirectory(stateDir: string, command = 'controller'): StateLock {
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
  const holder: Holder = { pid: process.pid, since: new Date().toISOString(), command }
  writeFileSync(holderFile, `${JSON.stringify(holder)}\n`, { mode: 0o600 })
  return {
    release: () => {
      if (!file.open) return
      rmSync(holderFile, { force: true })
      file.close()
    },
  }
}

interface Holder {
  readonly pid: number
  readonly since: string
  /** What it was called with, behind `holdfast`. Absent: noted by an older version. */
  readonly command?: string
}

/** Never says how to kill it: it may be in the middle of a failover. */
function alreadyRunning(folder: string, holderFile: string, cause: unknown): HoldfastError {
  const holder = readHolder(holderFile)
  const { command = 'controller' } = holder ?? {}
  const isController = /^controller\b/.test(command)
  const who = isController ? 'The controller' : `\`holdfast ${command}\``
  return new HoldfastError(
    'controller.already-running',
    holder === undefined
      ? `Another process works on ${folder}.`
      : `${who} (process ${holder.pid}) has worked on ${folder} since ${holder.since}.`,
    {
      kind: 'operator',
      hint: isController
        ? 'Use it: commands find it by themselves. To end it, stop it where it was started; what it performs waits for the next one.'
        : 'Wait until it ends, or watch what it does: holdfast status --watch',
      place: folder,
      cause,
    },
  )
}

/** Undefined in the instant between the other one's lock and its note. */
function readHolder(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Holder
  } catch {
    return undefined
  }
}
