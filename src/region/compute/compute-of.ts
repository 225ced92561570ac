import { asText } from '../arm/document.ts'

/**
 * The compute that a job is bound to. Undefined: serverless, which clients name in three ways: not at
 * all, by that word, and as a compute of that name (the Python client, for the default of a pipeline).
 */
export function computeOf(computeId: unknown): string | undefined {
  const id = asText(computeId)
  return !id || id.split('/').at(-1)?.toLowerCase() === 'serverless' ? undefined : id
}
