import { type FSWatcher, watch } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { isAbsent } from '../../store/write-atomically.ts'
import { type GatewayPointer, parsePointer } from './pointer.ts'

/** What the last look at the file found. Anything but `current` leaves the gateway as it was. */
export type PointerState =
  | { readonly state: 'current' }
  | { readonly state: 'absent' }
  | { readonly state: 'unreadable'; readonly problem: string }
  | { readonly state: 'refused'; readonly problem: string; readonly epoch: number }

export interface PointerWatch {
  pointer(): GatewayPointer | undefined
  state(): PointerState
  /** Looks at the file now. */
  look(): Promise<void>
  close(): void
}

export interface PointerWatchOptions {
  readonly file: string
  /** Called before a pointer is adopted; throws to refuse it (a CA that cannot be read). */
  readonly adopt: (pointer: GatewayPointer) => Promise<void>
  /** Milliseconds between looks at the file's time; the watcher only makes it faster. */
  readonly pollMs: number
  readonly onChange: (state: PointerState, pointer: GatewayPointer | undefined) => void
}

/**
 * Follows the pointer file, and keeps the last good answer: a controller that is gone, a file that
 * is absent or broken must not stop traffic. Goes to a higher epoch only (I1).
 */
export async function watchPointer(options: PointerWatchOptions): Promise<PointerWatch> {
  const { file } = options
  let pointer: GatewayPointer | undefined
  let state: PointerState = { state: 'absent' }
  let seen = ''
  let looking: Promise<void> = Promise.resolve()

  async function examine(): Promise<void> {
    const mark = await fingerprint(file)
    if (mark === seen) return
    const before = JSON.stringify(state)
    const previous = pointer
    state = await read()
    // Taken before reading: a file that changed meanwhile is read again at the next look. What could
    // not be read may be mended elsewhere (a CA file), so it is tried again, too.
    seen = state.state === 'unreadable' ? '' : mark
    if (pointer !== previous || JSON.stringify(state) !== before) options.onChange(state, pointer)
  }

  async function read(): Promise<PointerState> {
    let text: string
    try {
      text = await readFile(file, 'utf8')
    } catch (error) {
      return isAbsent(error) ? { state: 'absent' } : unreadable(error)
    }
    const parsed = parsePointer(text)
    if (!parsed.ok) return { state: 'unreadable', problem: parsed.problem }
    const refusal = refusalOf(pointer, parsed.pointer)
    if (refusal !== undefined) return refusal
    try {
      await options.adopt(parsed.pointer)
    } catch (error) {
      return unreadable(error)
    }
    pointer = parsed.pointer
    return { state: 'current' }
  }

  const look = (): Promise<void> => {
    looking = looking.then(examine, examine)
    return looking
  }
  await look()
  const timer = setInterval(() => void look(), options.pollMs)
  timer.unref()
  const watcher = tryWatch(file, () => void look())
  return {
    pointer: () => pointer,
    state: () => state,
    look,
    close() {
      clearInterval(timer)
      watcher?.close()
    },
  }
}

function refusalOf(
  current: GatewayPointer | undefined,
  next: GatewayPointer,
): PointerState | undefined {
  if (current === undefined || next.epoch > current.epoch) return undefined
  if (next.epoch === current.epoch && next.active === current.active) return undefined
  const problem = `epoch ${next.epoch} (${next.active}) is not newer than ${current.epoch} (${current.active})`
  return { state: 'refused', problem, epoch: next.epoch }
}

/** A rename gives another inode, so two writes within one tick of the clock still differ. */
async function fingerprint(file: string): Promise<string> {
  try {
    const { ino, mtimeMs, size } = await stat(file)
    return `${ino}/${mtimeMs}/${size}`
  } catch (error) {
    return isAbsent(error) ? 'absent' : `error ${String(error)}`
  }
}

function unreadable(error: unknown): PointerState {
  return { state: 'unreadable', problem: error instanceof Error ? error.message : String(error) }
}

/** Watching is not possible everywhere (network drives, no inotify left); polling always is. */
function tryWatch(file: string, onEvent: () => void): FSWatcher | undefined {
  const name = basename(file)
  try {
    const watcher = watch(dirname(file), { persistent: false }, (_event, changed) => {
      if (changed === null || changed === name) onEvent()
    })
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    return undefined
  }
}
