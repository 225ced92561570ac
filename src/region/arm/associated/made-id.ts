import { createHash } from 'node:crypto'

/** An id that the service made up for a resource: the same at every look, another for each use. */
export function madeId(resourceId: string, use: string): string {
  const hex = createHash('sha256').update(`${use} ${resourceId.toLowerCase()}`).digest('hex')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}
