import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startDistance } from './distance.ts'

/** One MLflow server with a SQLite database and artifacts in one folder. */
export interface BenchServer {
  readonly url: string
  /** Without the distance in between. */
  readonly directUrl: string
  readonly database: string
  readonly artifacts: string
  /** Requests it answered since the start, by its own access log. */
  requests(): number
  /** Processor time of all its processes since the start; tells what a busy machine hides. */
  cpuSeconds(): number
  stop(): Promise<void>
}

/** `rttMs`: how far away the server seems to be. */
export async function startMlflow(
  python: string,
  folder: string,
  rttMs: number,
): Promise<BenchServer> {
  const port = await freePort()
  const logFile = join(folder, 'server.log')
  const log = openSync(logFile, 'a')
  const database = join(folder, 'mlflow.db')
  const artifacts = join(folder, 'artifacts')
  const child = spawn(
    python,
    [
      ...['-m', 'mlflow', 'server', '--host', '127.0.0.1', '--port', String(port)],
      ...['--backend-store-uri', `sqlite:///${database}`],
      ...['--artifacts-destination', artifacts, '--serve-artifacts'],
      // On a busy machine its supervisor would kill workers that are merely slow.
      ...['--uvicorn-opts', '--timeout-worker-healthcheck 300'],
    ],
    {
      cwd: folder,
      stdio: ['ignore', log, log],
      detached: true,
      // Seven more processes that nothing here uses.
      env: { ...process.env, MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false' },
    },
  )
  closeSync(log)
  // A group of its own outlives a bench that is broken off.
  const end = () => killGroup(child)
  process.prependOnceListener('exit', end)
  child.once('exit', () => process.off('exit', end))
  try {
    await untilHealthy(`http://127.0.0.1:${port}`, child, logFile)
    await warmUp(`http://127.0.0.1:${port}`)
  } catch (error) {
    await stopGroup(child)
    throw error
  }
  const before = requestsIn(logFile)
  const cpuBefore = cpuSecondsOf(child.pid ?? 0)
  const distance = rttMs > 0 ? await startDistance(port, rttMs) : undefined
  return {
    url: `http://127.0.0.1:${distance?.port ?? port}`,
    directUrl: `http://127.0.0.1:${port}`,
    database,
    artifacts,
    requests: () => requestsIn(logFile) - before,
    cpuSeconds: () => cpuSecondsOf(child.pid ?? 0) - cpuBefore,
    stop: async () => {
      await distance?.close()
      await stopGroup(child)
    },
  }
}

async function untilHealthy(url: string, child: ChildProcess, logFile: string): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (child.exitCode !== null) throw new Error(`mlflow ended: ${readFileSync(logFile, 'utf8')}`)
    const answer = await fetch(`${url}/health`).catch(() => undefined)
    if (answer?.ok) return
    await delay(200)
  }
  throw new Error(`mlflow did not start: ${readFileSync(logFile, 'utf8')}`)
}

/** Of a process group, from Linux's `/proc`; elsewhere 0. */
function cpuSecondsOf(group: number): number {
  if (!existsSync('/proc/self/stat')) return 0
  let ticks = 0
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    // Processes come and go while this reads.
    const stat = existsSync(`/proc/${pid}/stat`) ? readText(`/proc/${pid}/stat`) : ''
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (Number(fields[2]) === group) ticks += Number(fields[11]) + Number(fields[12])
  }
  return ticks / 100
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** Each of its workers loads half of its code with the first request; that is nobody's time. */
async function warmUp(url: string): Promise<void> {
  const ask = () => fetch(`${url}/api/2.0/mlflow/experiments/get-by-name?experiment_name=none`)
  for (let round = 0; round < 3; round += 1)
    await Promise.all(Array.from({ length: 16 }, async () => (await ask()).text()))
}

function requestsIn(logFile: string): number {
  if (!existsSync(logFile)) return 0
  return readFileSync(logFile, 'utf8').match(/ - "[A-Z]+ \S+ HTTP/g)?.length ?? 0
}

/** The server has workers of its own: they end with its process group. */
async function stopGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  process.kill(-child.pid, 'SIGTERM')
  await Promise.race([ended, delay(10_000)])
  killGroup(child)
}

function killGroup(child: ChildProcess): void {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
    process.kill(-child.pid, 'SIGKILL')
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server: Server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
