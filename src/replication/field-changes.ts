import { canonicalJson } from '../model/canonical.ts'
import { isObject } from '../model/field-path.ts'
import type { Json, JsonObject } from '../model/json.ts'
import {
  holdsCredential,
  isEnvironment,
  mapSecretTexts,
  withoutCredentials,
} from '../model/secret-text.ts'

export interface FieldChange {
  readonly path: string
  readonly from?: Json
  readonly to?: Json
}

/** Where two canonical documents differ; arrays count as one value. Secrets are masked (I9). */
export function fieldChanges(from: JsonObject, to: JsonObject, path = ''): FieldChange[] {
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort()
  return names.flatMap((name) => {
    const [before, after] = [from[name], to[name]]
    const here = path === '' ? name : `${path}.${name}`
    if (isObject(before) && isObject(after)) return fieldChanges(before, after, here)
    if (canonicalJson(before) === canonicalJson(after)) return []
    return [
      {
        path: here,
        ...(before === undefined ? {} : { from: shown(before, here) }),
        ...(after === undefined ? {} : { to: shown(after, here) }),
      },
    ]
  })
}

/** What is or may be a secret only shows that it is there (I9). */
export function masked(document: JsonObject): JsonObject {
  return mapSecretTexts(document, { environmentVariables: true, credentials: true }, (text) =>
    holdsCredential(text) ? withoutCredentials(text) : hidden,
  )
}

function shown(value: Json, path: string): Json {
  if (path.split('.').some(isEnvironment)) return hidden
  return masked({ value }).value ?? null
}

const hidden = '…'
