/** Small readers for documents whose shape is the caller's. */
export type Document = Record<string, unknown>

export const isRecord = (value: unknown): value is Document =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The value when it is an object, else an empty one. */
export const asRecord = (value: unknown): Document => (isRecord(value) ? value : {})
export const asText = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined

/**
 * RFC 7396, except that `tags` are replaced as a whole, as ARM does. Null takes a field away.
 */
export function mergePatch(target: Document, patch: Document, depth = 0): Document {
  const result: Document = { ...target }
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else if (isRecord(value) && !(depth === 0 && key === 'tags'))
      result[key] = mergePatch(asRecord(result[key]), value, depth + 1)
    else result[key] = value
  }
  return result
}
