import { execFileSync, spawn } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** A Python that has MLflow: `HOLDFAST_MLFLOW_PYTHON`, else `python3`. Undefined: there is none. */
export function pythonWithMlflow(): string | undefined {
  const python = process.env.HOLDFAST_MLFLOW_PYTHON ?? 'python3'
  try {
    execFileSync(python, ['-c', 'import mlflow'], { stdio: 'ignore' })
    return python
  } catch {
    return undefined
  }
}

export interface TestMlflow {
  readonly url: string
  /** The folder behind its artifact proxy. */
  readonly artifacts: string
  /** Runs a script with MLflow's own client against this server; `out` is what it printed. */
  python(script: string): string
  stop(): Promise<void>
}

/** The real thing, with a database and artifacts in a temporary folder. */
export async function startTestMlflow(python: string): Promise<TestMlflow> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-mlflow-'))
  const artifacts = join(folder, 'artifacts')
  mkdirSync(artifacts)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const logFile = join(folder, 'server.log')
  const log = openSync(logFile, 'a')
  const child = spawn(
    python,
    [
      ...['-m', 'mlflow', 'server', '--host', '127.0.0.1', '--port', String(port)],
      ...['--workers', '1', '--backend-store-uri', `sqlite:///${join(folder, 'mlflow.db')}`],
      ...['--artifacts-destination', artifacts, '--serve-artifacts'],
    ],
    {
      cwd: folder,
      stdio: ['ignore', log, log],
      // Its workers end with its process group.
      detached: true,
      // Seven more processes that nothing here uses.
      env: { ...process.env, MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false' },
    },
  )
  closeSync(log)
  const ended = new Promise((resolve) => child.once('exit', resolve))
  for (let tries = 0; !(await answers(url)); tries += 1) {
    if (child.exitCode !== null || tries > 900)
      throw new Error(`mlflow does not start: ${readFileSync(logFile, 'utf8')}`)
    await delay(200)
  }
  return {
    url,
    artifacts,
    python: (script) =>
      execFileSync(python, ['-c', script], {
        encoding: 'utf8',
        maxBuffer: 1 << 28,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, MLFLOW_TRACKING_URI: url },
      }),
    stop: async () => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

async function answers(url: string): Promise<boolean> {
  return fetch(`${url}/health`).then(
    ({ ok }) => ok,
    () => false,
  )
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
