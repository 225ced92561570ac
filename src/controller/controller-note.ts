import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { HoldfastError } from '../model/errors.ts'

/** Kept in the state directory for its owner only, so that the token outlives us. */
export interface ControllerKeys {
  readonly token: string
}

/** Throws `controller.bad-note` (operator) when the file is there and cannot be used. */
export async function readOrMakeKeys(stateDir: string): Promise<ControllerKeys> {
  await mkdir(stateDir, { recursive: true, mode: 0o700 })
  const path = join(stateDir, 'controller-keys.json')
  const made: ControllerKeys = { token: randomBytes(32).toString('base64url') }
  await writeFile(path, `${JSON.stringify(made)}\n`, { mode: 0o600, flag: 'wx' }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    },
  )
  try {
    const { token } = JSON.parse(await readFile(path, 'utf8')) as ControllerKeys
    if (token.length < 32) throw new Error('too short')
    return { token }
  } catch (cause) {
    throw new HoldfastError('controller.bad-note', 'The keys of the controller are not readable.', {
      kind: 'operator',
      place: path,
      hint: 'Delete this file; a new token is made.',
      cause,
    })
  }
}

/** Tells commands of the same state directory where the controller is. */
export async function writeNote(
  stateDir: string,
  note: { readonly url: string; readonly token: string },
): Promise<() => Promise<void>> {
  const path = join(stateDir, 'controller.json')
  // Replaced, not overwritten: a file that exists would keep its mode.
  await rm(path, { force: true })
  await writeFile(path, `${JSON.stringify({ ...note, pid: process.pid })}\n`, {
    mode: 0o600,
    flag: 'wx',
  })
  return () => rm(path, { force: true })
}
