import type { Json, JsonObject } from '../model/json.ts'
import type { Obstacle } from './captured-job.ts'

/** Signed addresses, connection strings and addresses with a password in them. */
const credential =
  /[?&]sig=|(?:AccountKey|SharedAccessKey|SharedAccessSignature|Password)=|^[a-z][a-z0-9+.-]*:\/\/[^/@\s:]+:[^/@\s]+@/i

/**
 * I9: a specification may hold a credential inside an address; it is blanked before anything is
 * stored, and named, because the job cannot run without it.
 */
export function blankCredentials(body: JsonObject): {
  readonly body: JsonObject
  readonly blanked: readonly Obstacle[]
} {
  const blanked: Obstacle[] = []
  const walk = (value: Json, path: string): Json => {
    if (typeof value === 'string') {
      if (!credential.test(value)) return value
      blanked.push({ path, reason: 'it holds a credential, which Holdfast does not store' })
      return '[secret]'
    }
    if (Array.isArray(value)) return value.map((each, index) => walk(each, `${path}[${index}]`))
    if (typeof value !== 'object' || value === null) return value
    return walkObject(value as JsonObject, path)
  }
  const walkObject = (value: JsonObject, path: string): JsonObject =>
    Object.fromEntries(
      Object.entries(value).flatMap(([key, child]) =>
        child === undefined ? [] : [[key, walk(child, path === '' ? key : `${path}.${key}`)]],
      ),
    )
  return { body: walkObject(body, ''), blanked }
}
