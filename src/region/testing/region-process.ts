import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { processUse } from './process-use.ts'

/** Arguments to Node that run the command line from its sources. */
const fromSources = [
  '--import',
  'tsx',
  fileURLToPath(new URL('../../cli/main.ts', import.meta.url)),
]

export interface RegionProcess {
  readonly cloudFile: string
  /** From the start of the process to its ready line. */
  readonly startMs: number
  /** The most memory it ever had, in megabytes; undefined where the system does not tell. */
  peakMb(): number | undefined
  /** Processor time it has used, in milliseconds: what other load on the machine does not change. */
  cpuMs(): number | undefined
  stop(): Promise<void>
  /** SIGKILL: no chance to say goodbye. Resolves when the process is gone. */
  kill(): Promise<void>
}

/** A region in a process of its own, as a user starts it. It ends with the process that started it. */
export async function startRegionProcess(
  dataDir: string,
  program: readonly string[] = fromSources,
): Promise<RegionProcess> {
  const begin = performance.now()
  const args = ['region', 'start', '--name', 'eastus', '--data', dataDir]
  const child = spawn(process.execPath, [...program, ...args, '--exit-with-parent', '--json'], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve)
    child.once('exit', (code) => reject(new Error(`the region ended with ${code}: ${errors}`)))
  })
  const startMs = performance.now() - begin
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    child.kill(signal)
    await exited
  }
  return {
    cloudFile: (JSON.parse(line) as { cloudFile: string }).cloudFile,
    startMs,
    peakMb: () => processUse(child.pid ?? 0)?.peakMb,
    cpuMs: () => processUse(child.pid ?? 0)?.cpuMs,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  }
}
