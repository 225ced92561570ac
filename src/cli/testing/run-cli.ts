import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { expect } from 'vitest'

const root = resolve(import.meta.dirname, '..', '..', '..')

/** Builds the bundle when it is older than its sources. */
export function buildBundle(): void {
  const script = "import { ensureBuilt } from './scripts/bootstrap.mjs'; ensureBuilt()"
  const built = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: root,
    encoding: 'utf8',
  })
  expect(built.status, built.stderr).toBe(0)
}

export interface CliResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunningCli {
  readonly child: ChildProcess
  readonly ended: Promise<CliResult>
  /** Resolves when stdout or stderr holds the text; rejects when the process ends before. */
  shows(text: string): Promise<void>
}

export function startCli(
  args: readonly string[],
  options: { cwd: string; env?: object },
): RunningCli {
  const child = spawn(process.execPath, [resolve(root, 'dist', 'holdfast.js'), ...args], {
    cwd: options.cwd,
    env: { ...process.env, NO_COLOR: '1', HOLDFAST_TOKEN: undefined, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const seen = { stdout: '', stderr: '' }
  const watchers = new Set<() => void>()
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      seen[name] += text
      for (const watcher of watchers) watcher()
    })
  }
  const ended = new Promise<CliResult>((done, fail) => {
    child.on('error', fail)
    child.on('close', (code) => done({ code, ...seen }))
  })
  const shows = (text: string) =>
    new Promise<void>((done, fail) => {
      const check = () => {
        if (!`${seen.stdout}\n${seen.stderr}`.includes(text)) return
        watchers.delete(check)
        done()
      }
      watchers.add(check)
      check()
      ended.then(
        (result) => fail(new Error(`ended without "${text}": ${JSON.stringify(result)}`)),
        fail,
      )
    })
  return { child, ended, shows }
}

export async function runCli(
  args: readonly string[],
  options: { cwd: string; env?: object },
): Promise<CliResult> {
  const { child, ended } = startCli(args, options)
  child.stdin?.end()
  return ended
}
