import { spawn } from 'node:child_process'
import { statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { BenchServer } from './server.ts'
import type { Way } from './ways.ts'

/** mlflow-export-import: out to the operator's disk, then in. */
export function peer(python: string, threads: boolean): Way {
  return async (source: BenchServer, target: BenchServer, folder: string) => {
    const output = join(folder, 'export')
    const bin = dirname(python)
    const more = threads ? ['--use-threads', 'True'] : []
    const started = performance.now()
    await command(
      join(bin, 'export-experiments'),
      ['--experiments', 'all', '--output-dir', output, ...more],
      source.url,
    )
    const exported = performance.now()
    await command(join(bin, 'import-experiments'), ['--input-dir', output, ...more], target.url)
    const ended = performance.now()
    // Written once and read once.
    const diskBytes = 2 * (await sizeOf(output))
    return {
      seconds: (ended - started) / 1000,
      diskBytes,
      notes: {
        exportSeconds: (exported - started) / 1000,
        importSeconds: (ended - exported) / 1000,
      },
    }
  }
}

function command(program: string, args: readonly string[], trackingUri: string): Promise<void> {
  return new Promise((done, fail) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, MLFLOW_TRACKING_URI: trackingUri },
    })
    // It outlives a bench that is broken off, and the servers it asks.
    const end = () => child.kill('SIGKILL')
    process.once('exit', end)
    let errors = ''
    child.stderr.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-4000)
    })
    child.once('error', fail)
    child.once('exit', (code) => {
      process.off('exit', end)
      if (code === 0) done()
      else fail(new Error(`${program} ended with ${code}: ${errors}`))
    })
  })
}

async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}
