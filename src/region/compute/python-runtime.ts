import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { AzureError } from '../context.ts'

const execute = promisify(execFile)
let found: Promise<string | undefined> | undefined

/**
 * The machine's Python 3, or the one that `HOLDFAST_REGION_PYTHON` names (an environment with MLflow,
 * say); undefined when it has none. Asked once per process.
 */
export function findPython(): Promise<string | undefined> {
  found ??= (async () => {
    const wished = process.env.HOLDFAST_REGION_PYTHON
    for (const name of wished ? [wished] : ['python3', 'python']) {
      const answer = await execute(name, ['--version']).catch(() => undefined)
      if (answer && /Python 3\./.test(`${answer.stdout}${answer.stderr}`)) return name
    }
    return undefined
  })()
  return found
}

export async function requirePython(what: string): Promise<string> {
  const python = await findPython()
  if (python === undefined)
    throw new AzureError(
      400,
      'UserError',
      `${what} needs Python 3, and this machine has none on its PATH.`,
    )
  return python
}

/** Whether that Python can import a module. Asked each time: people install what they miss. */
export async function hasModule(python: string, name: string): Promise<boolean> {
  const answer = await execute(python, ['-c', `import ${name}`]).catch(() => undefined)
  return answer !== undefined
}

/** A Python file of the region, beside this module from source and in `python/` beside the bundle. */
export function pythonFile(name: string): string {
  const here = fileURLToPath(new URL('.', import.meta.url))
  const file = [join(here, 'python', name), join(here, '..', 'python', name)].find(existsSync)
  if (file === undefined)
    throw new AzureError(
      500,
      'InternalServerError',
      `The file ${name} is missing from this installation.`,
    )
  return file
}
