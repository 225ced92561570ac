import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { HoldfastError } from '../../model/errors.ts'

/** A started `holdfast …` process and the one JSON line it printed when it was ready. */
export interface StartedProcess {
  readonly name: string
  readonly pid: number
  readonly ready: Readonly<Record<string, unknown>>
  readonly exited: Promise<number | null>
}

interface Tracked {
  readonly child: ChildProcess
  readonly exited: Promise<number | null>
}

/**
 * Every process of the demo hangs below this one and ends with it: each child also watches its
 * standard input (`--exit-with-parent`), so that even SIGKILL of the demo leaves none behind.
 */
export class Processes {
  readonly #tracked = new Map<string, Tracked>()
  readonly #logs: string
  readonly #entry: string

  constructor(logs: string, entry: string) {
    this.#logs = logs
    this.#entry = entry
  }

  /** Starts `holdfast <args>` and waits for its ready line; its error output goes to `<logs>/<name>.log`. */
  async start(name: string, args: readonly string[], timeoutMs = 30_000): Promise<StartedProcess> {
    const log = join(this.#logs, `${name}.log`)
    const child = spawn(process.execPath, [this.#entry, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: process.env,
    })
    const file = createWriteStream(log, { flags: 'a', mode: 0o600 })
    child.stderr?.pipe(file)
    const exited = new Promise<number | null>((resolve) =>
      child.on('exit', (code) => resolve(code)),
    )
    this.#tracked.set(name, { child, exited })
    const ready = await this.#readyLine(name, child, exited, log, timeoutMs)
    return { name, pid: child.pid ?? 0, ready, exited }
  }

  /** Runs `holdfast <args>` to its end; stdout is returned, its exit code with it. */
  async run(
    args: readonly string[],
    onLine?: (line: string) => void,
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    const child = spawn(process.execPath, [this.#entry, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: process.env,
    })
    const name = `run-${child.pid}`
    const exited = new Promise<number | null>((resolve) =>
      child.on('exit', (code) => resolve(code)),
    )
    this.#tracked.set(name, { child, exited })
    let stdout = ''
    let stderr = ''
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk
    })
    const lines = createInterface({ input: child.stderr as NodeJS.ReadableStream })
    lines.on('line', (line) => {
      stderr += `${line}\n`
      onLine?.(line)
    })
    const code = await exited
    this.#tracked.delete(name)
    return { code: code ?? 130, stdout, stderr }
  }

  /** The power cut: SIGKILL, no chance to say goodbye. Resolves when the process is gone. */
  async cutPower(name: string): Promise<void> {
    const tracked = this.#tracked.get(name)
    if (!tracked) throw new HoldfastError('demo.no-process', `no process '${name}' is running`)
    tracked.child.kill('SIGKILL')
    await tracked.exited
    this.#tracked.delete(name)
  }

  /** SIGTERM to all, newest first; SIGKILL to whoever is still there after the grace. */
  async stopAll(graceMs = 5_000): Promise<void> {
    const all = [...this.#tracked].reverse()
    this.#tracked.clear()
    for (const [, { child }] of all) child.kill('SIGTERM')
    const gone = Promise.all(all.map(([, { exited }]) => exited))
    const late = setTimeout(() => {
      for (const [, { child }] of all) child.kill('SIGKILL')
    }, graceMs)
    await gone
    clearTimeout(late)
  }

  async #readyLine(
    name: string,
    child: ChildProcess,
    exited: Promise<number | null>,
    log: string,
    timeoutMs: number,
  ): Promise<Record<string, unknown>> {
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
    let timer: NodeJS.Timeout | undefined
    try {
      return await Promise.race([
        new Promise<Record<string, unknown>>((resolve) =>
          lines.once('line', (line) => resolve(JSON.parse(line))),
        ),
        exited.then((code) => {
          throw new HoldfastError(
            'demo.process-ended',
            `'${name}' ended at once with exit code ${code}`,
            { hint: `Read ${log}.` },
          )
        }),
        new Promise<never>((_, reject) => {
          timer = setTimeout(
            () =>
              reject(
                new HoldfastError(
                  'demo.process-slow',
                  `'${name}' was not ready after ${timeoutMs / 1000} s`,
                  { hint: `Read ${log}.` },
                ),
              ),
            timeoutMs,
          )
        }),
      ])
    } finally {
      clearTimeout(timer)
    }
  }
}
