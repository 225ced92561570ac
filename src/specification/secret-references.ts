import { HoldfastError } from '../model/errors.ts'
import { type Document, isDocument } from './document.ts'

const reference = /^\$\{(HOLDFAST_SECRET_[A-Z0-9_]+)\}$/

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
