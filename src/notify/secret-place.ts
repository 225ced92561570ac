import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { HoldfastError } from '../model/errors.ts'
import type { SecretPlace } from '../plan/notify-schema.ts'

/** Reads a secret when it is used; it is kept nowhere (I9). Throws `notify.no-secret` (operator). */
export async function readSecret(place: SecretPlace, folder: string): Promise<string> {
  const text =
    'env' in place
      ? process.env[place.env]
      : await readFile(resolve(folder, place.file), 'utf8').catch(() => undefined)
  const secret = text?.trim()
  if (secret) return secret
  const where = 'env' in place ? `The variable ${place.env}` : `The file ${place.file}`
  throw new HoldfastError('notify.no-secret', `${where} holds no secret.`, { kind: 'operator' })
}
