import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const here = import.meta.dirname

/** A Python with MLflow and the peer; made once, from `requirements.txt`. */
export async function benchPython(note: (line: string) => void): Promise<string> {
  const given = process.env.HOLDFAST_BENCH_PYTHON
  if (given !== undefined) return given
  const folder = resolve(here, '..', '..', 'node_modules', '.cache', 'holdfast-bench-mlflow')
  const python = join(folder, 'bin', 'python')
  if (existsSync(python)) return python
  note('installing MLflow and mlflow-export-import, once')
  await run('python3', ['-m', 'venv', folder])
  await run(python, ['-m', 'pip', 'install', '-q', '-r', join(here, 'requirements.txt')])
  return python
}

/** Runs a script of this folder; resolves with the JSON of its last line. */
export async function script<T>(python: string, name: string, args: readonly string[]): Promise<T> {
  const { stdout } = await run(python, [join(here, name), ...args], { maxBuffer: 1 << 26 })
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? 'null') as T
}
