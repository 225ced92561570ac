import { randomUUID } from 'node:crypto'
import { open, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/**
 * Replaces a file so that a reader sees the old content or the new, never a part, also across a
 * crash: temporary file, fsync, rename, fsync of the folder. A link is followed, not replaced.
 */
export async function writeAtomically(
  path: string,
  content: string,
  options: {
    /** Permissions of a new file; an existing one keeps its own unless `forceMode`. */
    readonly mode: number
    readonly forceMode?: boolean
  },
): Promise<void> {
  const target = await realPathOf(path)
  const mode = options.forceMode ? options.mode : await modeOf(target, options.mode)
  const temporary = join(dirname(target), `.${basename(target)}.${randomUUID()}`)
  try {
    const handle = await open(temporary, 'wx', mode)
    try {
      // `open` narrows the mode by the umask; the file should have it exactly.
      await handle.chmod(mode)
      await handle.writeFile(content)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, target)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncFolder(dirname(target))
}

async function realPathOf(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (error) {
    if (isAbsent(error)) return path
    throw error
  }
}

async function modeOf(path: string, otherwise: number): Promise<number> {
  try {
    return (await stat(path)).mode & 0o777
  } catch (error) {
    if (isAbsent(error)) return otherwise
    throw error
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

const queues = new Map<string, Promise<unknown>>()

/** Runs changes of one file one after the other, so that none is based on a file already replaced. */
export async function oneAtATime<T>(path: string, change: () => Promise<T>): Promise<T> {
  const before = queues.get(path) ?? Promise.resolve()
  const mine = before.then(change, change)
  queues.set(path, mine)
  try {
    return await mine
  } finally {
    if (queues.get(path) === mine) queues.delete(path)
  }
}
