import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../dist/holdfast.js', import.meta.url))

export interface RegionProcess {
  readonly cloudFile: string
  readonly pid: number
  /** From the start of the process to its ready line. */
  readonly startMs: number
  /** The most memory it ever had, in megabytes; undefined where the system does not tell. */
  peakMb(): number | undefined
  stop(): Promise<void>
}

/** The built program serving a region, as a user starts it. */
export async function startRegionProcess(dataDir: string): Promise<RegionProcess> {
  const begin = performance.now()
  const args = ['region', 'start', '--name', 'eastus', '--data', dataDir]
  const child = spawn(process.execPath, [program, ...args, '--exit-with-parent', '--json'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve)
    child.once('exit', (code) => reject(new Error(`the region ended with code ${code}`)))
  })
  const startMs = performance.now() - begin
  const { cloudFile } = JSON.parse(line) as { cloudFile: string }
  const pid = child.pid ?? 0
  return {
    cloudFile,
    pid,
    startMs,
    peakMb: () => peakOf(pid),
    async stop() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

function peakOf(pid: number): number | undefined {
  if (process.platform !== 'linux') return undefined
  const [, kilobytes] =
    /VmHWM:\s+(\d+) kB/.exec(readFileSync(join('/proc', String(pid), 'status'), 'utf8')) ?? []
  return kilobytes === undefined ? undefined : Number(kilobytes) / 1000
}
