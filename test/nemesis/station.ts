import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { processTree } from '../../src/cli/demo/process-tree.ts'
import type { NodeName } from './network.ts'

export interface StationOptions {
  readonly node: NodeName
  /** Program and arguments. */
  readonly words: readonly string[]
  readonly folder: string
  readonly log: string
  readonly env: NodeJS.ProcessEnv
  /** Resolves when it is ready; default: when it has printed a line. */
  /** How it is asked to end. */
  readonly endSignal?: NodeJS.Signals
  readonly ready?: (firstLine: Promise<string>) => Promise<unknown>
}

const readyLimitMs = 90_000

/** One server in its namespace: it can be killed, stopped, and started again as it was. */
export class Station {
  readonly node: NodeName
  readonly #options: StationOptions
  #child: ChildProcess | undefined
  #exited: Promise<unknown> = Promise.resolve()
  /** Ends that nobody asked for. */
  readonly crashes: string[] = []
  #expected = false

  constructor(options: StationOptions) {
    this.#options = options
    this.node = options.node
  }

  get isUp(): boolean {
    const child = this.#child
    return child !== undefined && child.exitCode === null && child.signalCode === null
  }

  async start(): Promise<void> {
    if (this.isUp) return
    const { node, words, folder, log, env, ready } = this.#options
    const child = spawn('ip', ['netns', 'exec', node, ...words], {
      ...{ cwd: folder, env, detached: true },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#child = child
    this.#expected = false
    child.stdin?.on('error', () => undefined)
    child.stderr?.pipe(createWriteStream(log, { flags: 'a' }))
    this.#exited = new Promise((resolve) => {
      child.on('error', resolve)
      child.on('exit', (code, signal) => {
        if (!this.#expected) this.crashes.push(`${node} ended with ${code ?? signal}`)
        resolve(undefined)
      })
    })
    const line = new Promise<string>((resolve) => {
      if (child.stdout) createInterface({ input: child.stdout }).once('line', resolve)
    })
    const stopped = new AbortController()
    const late = delay(readyLimitMs, undefined, { signal: stopped.signal }).catch(() => undefined)
    const early = this.#exited
    try {
      const first = await Promise.race([
        (ready?.(line) ?? line.then(refuseError)).then(() => 'ready'),
        late.then(() => 'late'),
        early.then(() => 'ended'),
      ])
      if (first !== 'ready') throw new Error(`${node}: ${first} instead of ready; read ${log}`)
    } finally {
      stopped.abort()
    }
  }

  /** The power cut: everything below it, too. */
  async kill(): Promise<void> {
    const { pid } = this.#child ?? {}
    if (pid === undefined || !this.isUp) return
    this.#expected = true
    for (const one of await processTree(pid)) signal(one, 'SIGKILL')
    await this.#exited
  }

  /** As a service manager ends it. */
  async end(): Promise<void> {
    const { pid } = this.#child ?? {}
    if (pid === undefined || !this.isUp) return
    this.#expected = true
    signal(pid, 'SIGCONT')
    signal(pid, this.#options.endSignal ?? 'SIGTERM')
    const stopped = new AbortController()
    const late = delay(15_000, 'late', { signal: stopped.signal }).catch(() => 'ended')
    if ((await Promise.race([this.#exited, late])) === 'late') await this.kill()
    stopped.abort()
  }

  freeze(): void {
    if (this.isUp) signal(this.#child?.pid ?? 0, 'SIGSTOP')
  }

  thaw(): void {
    if (this.isUp) signal(this.#child?.pid ?? 0, 'SIGCONT')
  }
}

/** What cannot start says why in the same place where others say that they are ready. */
function refuseError(line: string): void {
  const { error } = JSON.parse(line) as { error?: unknown }
  if (error !== undefined) throw new Error(`it did not start: ${line}`)
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
