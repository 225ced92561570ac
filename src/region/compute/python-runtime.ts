import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { AzureError } from '../context.ts'

const execute = promisify(execFile)
let found: Promise<string | undefined> | undefined

/** The machine's Python 3; undefined when it has none. Asked once per process. */
export function findPython(): Promise<string | undefined> {
  found ??= (async () => {
    for (const name of ['python3', 'python']) {
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

/** The scoring server's file, beside this module from source and in `python/` beside the bundle. */
export function serverScript(): string {
  const here = fileURLToPath(new URL('.', import.meta.url))
  const script = [join(here, 'python', 'serve.py'), join(here, '..', 'python', 'serve.py')].find(
    existsSync,
  )
  if (script === undefined)
    throw new AzureError(
      500,
      'InternalServerError',
      'The scoring server is missing from this installation.',
    )
  return script
}
