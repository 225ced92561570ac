import { HoldfastError } from './errors.ts'
import { isKind, type Kind } from './kinds.ts'

/**
 * Names one copied thing inside one workspace, without saying which workspace: the same id on both
 * sides means "the same object". `path` holds the names from the outside in, e.g. `['fraud', '3']`
 * for version 3 of model `fraud`, `['scoring', 'blue']` for a deployment.
 */
export interface ObjectId {
  readonly kind: Kind
  readonly path: readonly string[]
}

/** `model/fraud/3`; each name is percent-encoded so that the text splits back exactly. */
export function formatObjectId(id: ObjectId): string {
  return [id.kind, ...id.path.map(encodeURIComponent)].join('/')
}

/** Throws `object-id.malformed` when the text is not an object id. */
export function parseObjectId(text: string): ObjectId {
  const [kind, ...names] = text.split('/')
  if (kind === undefined || !isKind(kind) || names.length === 0) {
    throw new HoldfastError('object-id.malformed', `'${text}' is not an object id`, {
      hint: 'Write kind/name or kind/name/version, for example model/fraud/3.',
    })
  }
  return { kind, path: names.map(decodeURIComponent) }
}
