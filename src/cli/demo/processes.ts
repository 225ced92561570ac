import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { HoldfastError } from '../../model/errors.ts'
import { type GuardedProcess, startGuarded } from '../../region/compute/guarded-process.ts'
import { processTree } from './process-tree.ts'

/** What a program that was run to its end left behind. */
export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface ProcessesOptions {
  /** Working folder of every process. */
  readonly folder: string
  /** Error output of long-lived processes goes to `<logs>/<name>.log`. */
  readonly logs: string
  /** The program behind `holdfast`. */
  readonly entry: string
  readonly env: NodeJS.ProcessEnv
}

interface Tracked {
  readonly pid: number
  readonly exited: Promise<unknown>
  end(signal: 'SIGTERM' | 'SIGKILL'): void
}

/** From source a program needs the loader that this one has; a bundle needs nothing. */
const flagsOf = (entry: string): readonly string[] =>
  entry.endsWith('.ts') ? process.execArgv : []

const readyTimeoutMs = 60_000
const graceMs = 20_000

/**
 * Every process of the demo. Each one leads a group of its own, so that Ctrl-C in the terminal reaches
 * the demo alone, which ends them in order. Each one also ends when the demo is gone, SIGKILL included:
 * servers watch their standard input (`--exit-with-parent`), commands run under a guard.
 */
export class Processes {
  readonly #options: ProcessesOptions
  readonly #servers = new Map<string, Tracked>()
  readonly #commands = new Set<GuardedProcess>()
  #stopped: Promise<void> | undefined

  constructor(options: ProcessesOptions) {
    this.#options = options
  }

  /** Starts `holdfast <args>` and waits for the JSON line that it prints when it is ready. */
  async start(name: string, args: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
    this.#refuseWhenStopping()
    const { folder, logs, entry, env } = this.#options
    const log = join(logs, `${name}.log`)
    const child = spawn(process.execPath, [...flagsOf(entry), entry, ...args], {
      cwd: folder,
      env,
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    })
    // A process that is gone reads no more; its end is told by `exited`.
    child.stdin.on('error', () => undefined)
    child.stderr.pipe(createWriteStream(log, { flags: 'a', mode: 0o600 }))
    const exited = new Promise<number | null>((resolve) => {
      child.on('error', () => resolve(null))
      child.on('exit', resolve)
    })
    const end = (signal: 'SIGTERM' | 'SIGKILL') => void child.kill(signal)
    this.#servers.set(name, { pid: child.pid ?? 0, exited, end })
    return readyLine(name, child, exited, log)
  }

  /** Runs `holdfast <args>` to its end. `onLine` gets its error output, line by line, as it comes. */
  run(args: readonly string[], onLine?: (line: string) => void): Promise<Ended> {
    const words = [process.execPath, ...flagsOf(this.#options.entry), this.#options.entry, ...args]
    return this.runProgram(words, {}, onLine)
  }

  async runProgram(
    words: readonly string[],
    env: NodeJS.ProcessEnv,
    onLine?: (line: string) => void,
  ): Promise<Ended> {
    this.#refuseWhenStopping()
    const guarded = startGuarded(`exec ${words.map(quoted).join(' ')}`, {
      cwd: this.#options.folder,
      env: { ...this.#options.env, ...env },
    })
    this.#commands.add(guarded)
    const seen = { stdout: '', stderr: '' }
    guarded.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      seen.stdout += text
    })
    if (guarded.child.stderr) {
      createInterface({ input: guarded.child.stderr }).on('line', (line) => {
        seen.stderr += `${line}\n`
        onLine?.(line)
      })
    }
    const code = await guarded.exited
    this.#commands.delete(guarded)
    return { code, ...seen }
  }

  /** SIGKILL for the one process; what it started is left to notice. */
  async kill(name: string): Promise<void> {
    const { end, exited } = this.#server(name)
    end('SIGKILL')
    await exited
  }

  /**
   * The power cut: SIGKILL for the process and everything below it, none has time for a last word.
   * Resolves when all are gone, with how many there were.
   */
  async cutPower(name: string): Promise<number> {
    const { pid, exited } = this.#server(name)
    const tree = await processTree(pid)
    for (const one of tree) killIfThere(one)
    await exited
    return tree.length
  }

  /** Ends all, newest first; who is still there after the grace loses power. */
  stopAll(): Promise<void> {
    // Once: a second SIGTERM would kill what is just ending in order.
    this.#stopped ??= this.#endAll()
    return this.#stopped
  }

  /** Nobody gets time any more. */
  async cutAll(): Promise<void> {
    await Promise.all([...this.#servers.keys()].map((name) => this.cutPower(name)))
  }

  async #endAll(): Promise<void> {
    await Promise.all([...this.#commands].map((command) => command.end(graceMs)))
    // A server that was started again keeps its place.
    for (const [name, server] of [...this.#servers].reverse()) {
      server.end('SIGTERM')
      const late = setTimeout(() => void this.cutPower(name), graceMs)
      await server.exited
      clearTimeout(late)
    }
  }

  #server(name: string): Tracked {
    const server = this.#servers.get(name)
    if (server !== undefined) return server
    throw new HoldfastError('demo.no-process', `No process '${name}' is running.`)
  }

  #refuseWhenStopping(): void {
    if (this.#stopped !== undefined)
      throw new HoldfastError('demo.stopping', 'The demo is stopping.', { kind: 'cancelled' })
  }
}

async function readyLine(
  name: string,
  child: ChildProcess,
  exited: Promise<number | null>,
  log: string,
): Promise<Record<string, unknown>> {
  const failure = (code: string, sentence: string) =>
    new HoldfastError(code, `'${name}' ${sentence}`, { hint: `Read ${log}.` })
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(failure('demo.process-slow', `was not ready after ${readyTimeoutMs / 1000} s.`)),
      readyTimeoutMs,
    )
  })
  const line = new Promise<string>((resolve) => {
    if (child.stdout) createInterface({ input: child.stdout }).once('line', resolve)
  })
  const early = exited.then((code) => {
    throw failure('demo.process-ended', `ended at once with exit code ${code}.`)
  })
  try {
    const told = JSON.parse(await Promise.race([line, early, late])) as Record<string, unknown>
    if (told.error !== undefined) throw startError(name, told.error as StartError)
    return told
  } finally {
    clearTimeout(timer)
    // Its later end is nobody's failure.
    early.catch(() => undefined)
  }
}

/** What a process that cannot start writes instead of the facts of one that is ready. */
interface StartError {
  readonly code: string
  readonly message: string
  readonly hint?: string
}

function startError(name: string, { code, message, hint }: StartError): HoldfastError {
  return new HoldfastError(code, message, {
    ...{ kind: 'operator', place: name },
    ...(hint === undefined ? {} : { hint }),
  })
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
