import { createWriteStream } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import type { JobProcess } from './distribution.ts'
import { type GuardedProcess, startGuarded } from './guarded-process.ts'

const cancelGraceMs = 5000

/** The processes of one job as one thing: all must succeed, and one that fails ends the others. */
export interface JobProcesses {
  /** Exit code of the first that failed, else 0, when all are gone and their logs are written. */
  readonly exited: Promise<{ readonly code: number; readonly log: string }>
  end(): void
}

export function startProcesses(
  command: string,
  processes: readonly JobProcess[],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly logs: string },
): JobProcesses {
  const started = processes.map(({ environment, log }) => {
    const env = { ...options.env, ...environment }
    const process = startGuarded(command, { cwd: options.cwd, env })
    return { process, log, logged: writeLog(process, join(options.logs, log)) }
  })
  let failure: { code: number; log: string } | undefined
  const end = () => {
    for (const { process } of started) void process.end(cancelGraceMs)
  }
  const all = started.map(async ({ process, log, logged }) => {
    const code = await process.exited
    await logged()
    if (code === 0 || failure) return
    failure = { code, log }
    end()
  })
  const exited = Promise.all(all).then(() => failure ?? { code: 0, log: started[0]?.log ?? '' })
  return { exited, end }
}

function writeLog(process: GuardedProcess, file: string): () => Promise<void> {
  const log = createWriteStream(file, { flags: 'a' })
  process.child.stdout?.pipe(log, { end: false })
  process.child.stderr?.pipe(log, { end: false })
  return async () => {
    log.end()
    await finished(log)
  }
}

/** A port that is free now; a framework that binds it a moment later may still be unlucky. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return typeof address === 'object' && address !== null ? address.port : 0
}
