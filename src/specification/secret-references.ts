import { HoldfastError } from '../model/errors.ts'
import type { JsonObject } from '../model/json.ts'
import { holdsCredential, mapSecretTexts } from '../model/secret-text.ts'
import { type Document, isDocument } from './document.ts'

const reference = /^\$\{(HOLDFAST_SECRET_[A-Z0-9_]+)\}$/

/** Environment variable from which `holdfast import` reads a secret. */
export function secretVariable(kind: string, name: string, field: string): string {
  return ['HOLDFAST_SECRET', kind, name, field]
    .join('_')
    .toUpperCase()
    .replace(/[^A-Z0-9]+/g, '_')
}

/** A credential in a text, or a variable that is called like one: its reference takes its place (I9). */
export function withReferences(document: JsonObject, kind: string, name: string): JsonObject {
  const all = { environmentVariables: true, credentials: true }
  return mapSecretTexts(document, all, (text, path) =>
    isSecret(text, path) ? `\${${secretVariable(kind, name, path)}}` : text,
  )
}

/** An export is read by people, so what is called `EPOCHS` stays; what no name gives away cannot be told. */
const secretName =
  /(^|_)(TOKEN|SECRET|PASS|PASSWORD|PASSWD|PASSPHRASE|PWD|CREDENTIALS?|APIKEY|KEY|SAS|PAT|DSN|CONNECTION_?STRING|CONN_?STR)(_|$)/i

/** The service reads such a value from the vault by itself; it names a secret and is none. */
const vaultReference = /^[^@\s]*@?https:\/\/[^/\s]+\.vault\.[^/\s]+/i

function isSecret(text: string, path: string): boolean {
  if (reference.test(text) || vaultReference.test(text)) return false
  if (holdsCredential(text)) return true
  const name = path.split('.').at(-1) ?? ''
  const words = name.replace(/([a-z0-9])([A-Z])/g, '$1_$2')
  return secretName.test(words) && text.length > 3 && !/^([\d.]{1,8}|true|false)$/i.test(text)
}

/**
 * A document with secrets in place of `${HOLDFAST_SECRET_…}`, which an export writes instead of them.
 * Throws `specification.secret-missing` rather than to store the name of a secret as the secret.
 */
export function withSecrets(
  document: Document,
  variables: Readonly<Record<string, string | undefined>>,
  place: string,
): Document {
  return fill(document, variables, place) as Document
}

function fill(
  value: unknown,
  variables: Readonly<Record<string, string | undefined>>,
  place: string,
): unknown {
  if (Array.isArray(value)) return value.map((one) => fill(one, variables, place))
  if (isDocument(value))
    return Object.fromEntries(
      Object.entries(value).map(([key, child]) => [key, fill(child, variables, `${place}.${key}`)]),
    )
  const [, name] = typeof value === 'string' ? (reference.exec(value) ?? []) : []
  if (name === undefined) return value
  const secret = variables[name]
  if (secret === undefined || secret === '')
    throw new HoldfastError('specification.secret-missing', `the secret ${name} is not set`, {
      kind: 'operator',
      place,
      hint: `Set the environment variable ${name} and import again.`,
    })
  return secret
}
