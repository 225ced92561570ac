import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { HoldfastError } from '../model/errors.ts'
import type { JsonObject } from '../model/json.ts'
import { mapSecretTexts, type SecretTexts } from '../model/secret-text.ts'
import type { CallOptions, Secret, Workspace, WriteOptions } from './workspace.ts'

/** Followed by the key's id, a colon and the content. */
const mark = 'holdfast-sealed:v1:'
const sealOf = /"holdfast-sealed:v1:([^:"]+):/g
const cipher = 'aes-256-gcm'
const [nonceBytes, tagBytes] = [12, 16]
const everything: SecretTexts = { environmentVariables: true, credentials: true }
export type SealKeeper = Pick<Workspace, 'name' | 'readSealingKey' | 'makeSealingKey'>

/**
 * What is kept of a document that has to be made at `keeper` once its source is gone: every text that
 * is or may be a secret is enciphered under a key that only the keeper's own vault holds (I9). Nothing
 * is asked of the vault for a document without one.
 */
export async function sealed(
  keeper: SealKeeper,
  body: JsonObject,
  options: WriteOptions,
): Promise<JsonObject> {
  if (!hasText(body, everything, (text) => !text.startsWith(mark))) return body
  const { id, key } =
    (await keeper.readSealingKey(options)) ?? (await keeper.makeSealingKey(options))
  return mapSecretTexts(body, everything, (text) =>
    text.startsWith(mark) ? text : `${mark}${id}:${encipher(text, key)}`,
  )
}

/** The document as it was sealed. Throws `sealing.no-key` where the key has gone or is another one. */
export async function opened(
  keeper: SealKeeper,
  body: JsonObject,
  options: CallOptions,
): Promise<JsonObject> {
  // A seal stands where the secret stood, or where relocation and people put it: look everywhere.
  const keys = new Map<string, Secret<string>>()
  for (const [, id = ''] of JSON.stringify(body).matchAll(sealOf)) {
    if (keys.has(id)) continue
    const found = await keeper.readSealingKey({ ...options, id })
    if (found === undefined) throw noKey(keeper)
    keys.set(id, found.key)
  }
  if (keys.size === 0) return body
  return mapSeals(body, (text) => {
    const [id = '', content = ''] = text.slice(mark.length).split(':')
    try {
      return decipher(content, keys.get(id) as Secret<string>)
    } catch {
      throw noKey(keeper)
    }
  })
}

/** The document with a word in the place of each seal, and how many there were. */
export function withoutSeals(body: JsonObject): {
  readonly body: JsonObject
  readonly seals: number
} {
  let seals = 0
  const shown = mapSeals(body, () => {
    seals += 1
    return '[sealed]'
  })
  return { body: shown, seals }
}

export function newSealingKey(): string {
  return randomBytes(32).toString('base64')
}

function mapSeals(body: JsonObject, open: (text: string) => string): JsonObject {
  return JSON.parse(JSON.stringify(body), (_name, value: unknown) =>
    typeof value === 'string' && value.startsWith(mark) ? open(value) : value,
  ) as JsonObject
}

function hasText(body: JsonObject, which: SecretTexts, test: (text: string) => boolean): boolean {
  let found = false
  mapSecretTexts(body, which, (text) => {
    found ||= test(text)
    return text
  })
  return found
}

function encipher(text: string, key: Secret<string>): string {
  const nonce = randomBytes(nonceBytes)
  const machine = createCipheriv(cipher, keyOf(key), nonce)
  const content = Buffer.concat([machine.update(text, 'utf8'), machine.final()])
  return Buffer.concat([nonce, machine.getAuthTag(), content]).toString('base64')
}

function decipher(text: string, key: Secret<string>): string {
  const bytes = Buffer.from(text, 'base64')
  const machine = createDecipheriv(cipher, keyOf(key), bytes.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  })
  machine.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes))
  const content = machine.update(bytes.subarray(nonceBytes + tagBytes))
  return Buffer.concat([content, machine.final()]).toString('utf8')
}

const keyOf = (key: Secret<string>) => Buffer.from(key.reveal(), 'base64')

function noKey({ name }: SealKeeper): HoldfastError {
  return new HoldfastError(
    'sealing.no-key',
    `the vault of ${name} does not hold the key that this was sealed with`,
    {
      kind: 'operator',
      place: name,
      hint: 'Recover the secret holdfast-sealing-key, or the vault, from its soft-deleted state.',
    },
  )
}
