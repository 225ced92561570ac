import type { JsonObject } from '../model/json.ts'
import { mapSecretTexts } from '../model/secret-text.ts'
import type { Obstacle } from './captured-job.ts'

/**
 * I9: a specification may hold a credential inside an address; it is blanked before anything is
 * stored, and named, because the job cannot run without it. Environment variables are sealed instead.
 */
export function blankCredentials(body: JsonObject): {
  readonly body: JsonObject
  readonly blanked: readonly Obstacle[]
} {
  return blank(
    body,
    { credentials: true, environmentVariables: false },
    'it holds a credential, which Holdfast does not store',
  )
}

/** For a target that keeps no key to seal them with; `reason` says why. */
export function blankVariables(body: JsonObject, reason: string): ReturnType<typeof blank> {
  return blank(body, { credentials: false, environmentVariables: true }, reason)
}

function blank(
  body: JsonObject,
  which: Parameters<typeof mapSecretTexts>[1],
  reason: string,
): { readonly body: JsonObject; readonly blanked: readonly Obstacle[] } {
  const blanked: Obstacle[] = []
  const plain = mapSecretTexts(body, which, (_text, path) => {
    blanked.push({ path, reason })
    return '[secret]'
  })
  return { body: plain, blanked }
}
