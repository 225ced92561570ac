import { setTimeout as delay } from 'node:timers/promises'
import { HoldfastError } from '../../model/errors.ts'
import type { Processes } from './processes.ts'
import type { Screen } from './screen.ts'

/** What every chapter works with. */
export interface Stage {
  /** Everything of the demo lives here; it is also the working folder of every command. */
  readonly folder: string
  readonly screen: Screen
  readonly processes: Processes
  readonly interrupted: AbortSignal
  /** Called when the demo ends, however it ends. */
  readonly onEnd: (close: () => Promise<unknown>) => void
}

/** Shows the command, runs it, and gives what it printed. Its error output is shown as it comes. */
export async function holdfast(stage: Stage, ...args: string[]): Promise<string> {
  const { screen, processes } = stage
  screen.command(['holdfast', ...args])
  const { code, stdout, stderr } = await processes.run(args, (line) => screen.said(line))
  return succeeded(`holdfast ${args[0]}`, { code, stdout, stderr })
}

/** The same for a command that prints JSON. */
export async function holdfastJson<T>(stage: Stage, ...args: string[]): Promise<T> {
  return JSON.parse(await holdfast(stage, ...args, '--json')) as T
}

export function succeeded(
  what: string,
  ended: { readonly code: number; readonly stdout: string; readonly stderr: string },
): string {
  if (ended.code === 0) return ended.stdout
  const said = `${ended.stderr}\n${ended.stdout}`.trim().split('\n').slice(-12).join('\n')
  throw new HoldfastError('demo.command-failed', `${what} ended with ${ended.code}:\n${said}`)
}

export interface Waiting {
  /** Shown while waiting, and named when it takes too long. */
  readonly what: string
  readonly timeoutMs: number
  readonly everyMs?: number
}

/** Looks until there is something to see. Ends at once when the demo is interrupted. */
export async function waitFor<T>(
  { screen, interrupted }: Stage,
  { what, timeoutMs, everyMs = 250 }: Waiting,
  look: () => Promise<T | undefined>,
): Promise<T> {
  const started = performance.now()
  for (;;) {
    interrupted.throwIfAborted()
    const found = await look()
    if (found !== undefined) return found
    const waitedMs = performance.now() - started
    if (waitedMs > timeoutMs)
      throw new HoldfastError(
        'demo.waited-in-vain',
        `Waited ${Math.round(waitedMs / 1000)} s in vain for ${what}.`,
      )
    screen.progress(`waiting for ${what} … ${(waitedMs / 1000).toFixed(0)} s`)
    await delay(everyMs, undefined, { signal: interrupted })
  }
}
