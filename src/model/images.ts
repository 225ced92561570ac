import type { ObjectId } from './object-id.ts'
import type { Place } from './place.ts'

/** `reference`: a tag, or the digest of a manifest. */
export function imageId(repository: string, reference: string): ObjectId {
  return { kind: 'image', path: [repository, reference] }
}

const named =
  /^([a-z0-9]+(?:[._/-]+[a-z0-9]+)*)(?::([A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$/

/**
 * The image that this text names in the workspace's own container registry. Undefined: it names none,
 * or one that lies elsewhere, such as a public image.
 */
export function ownImage(text: string, { imageRegistry }: Place): ObjectId | undefined {
  if (imageRegistry === undefined) return undefined
  const [server = '', ...rest] = text.split('/')
  if (server.toLowerCase() !== imageRegistry.server) return undefined
  const [, repository, tag = 'latest', digest = tag] = named.exec(rest.join('/')) ?? []
  return repository === undefined ? undefined : imageId(repository, digest)
}
