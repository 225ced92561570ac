import { isObject } from './field-path.ts'
import type { Json, JsonObject } from './json.ts'

/**
 * Signed addresses, connection strings and addresses with a password in them; `${…}`, `{{…}}` and
 * `<…>` in its place are filled in elsewhere and no secrets. Every alternative begins with letters of
 * its own: one that begins with "any word" is tried at each letter of a long text, to its end.
 */
const credential =
  /(?:[?&]sig=|(?:AccountKey|SharedAccessKey|SharedAccessSignature|Password)=)(?!\$\{|\{\{|<)|:\/\/[^/@\s:]+:(?!\$\{|\{\{|<)[^/@\s]+@/i

export function holdsCredential(text: string): boolean {
  return credential.test(text)
}

const environment = /^environment_?variables$/i

export function isEnvironment(field: string): boolean {
  return environment.test(field)
}

/** A text with the credentials in it struck out, so that the rest may be shown. */
export function withoutCredentials(text: string): string {
  return text
    .replace(/([?&]sig=)[^&\s"]*/gi, '$1…')
    .replace(/((?:AccountKey|SharedAccessKey|SharedAccessSignature|Password)=)[^;\s"]*/gi, '$1…')
    .replace(/(:\/\/[^/@\s:]+:)[^/@\s]+@/g, '$1…@')
}

/** Which texts of a document `mapSecretTexts` visits, besides those in environment variables. */
export interface SecretTexts {
  /** Nothing tells a token in an environment variable from a number of epochs: all are secret. */
  readonly environmentVariables: boolean
  /** Those that hold a credential, wherever they stand. */
  readonly credentials: boolean
}

/** A copy of a document in which every text that is or may be a secret was replaced (I9). */
export function mapSecretTexts(
  body: JsonObject,
  which: SecretTexts,
  replace: (text: string, path: string) => string,
): JsonObject {
  const walk = (value: Json, path: string, isVariable: boolean): Json => {
    if (typeof value === 'string') {
      const isSecret = isVariable
        ? which.environmentVariables
        : which.credentials && holdsCredential(value)
      return isSecret ? replace(value, path) : value
    }
    if (Array.isArray(value))
      return value.map((each, index) => walk(each, `${path}[${index}]`, isVariable))
    return isObject(value) ? walkObject(value, path, isVariable) : value
  }
  const walkObject = (value: JsonObject, path: string, isVariable: boolean): JsonObject =>
    Object.fromEntries(
      Object.entries(value).flatMap(([name, child]) => {
        if (child === undefined) return []
        const inside = path === '' ? name : `${path}.${name}`
        return [[name, walk(child, inside, isVariable || isEnvironment(name))]]
      }),
    )
  return walkObject(body, '', false)
}
