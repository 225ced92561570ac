import facts from '../facts/azureml-resources.json' with { type: 'json' }
import { type FieldPath, parseFieldPaths, plainPath } from './field-path.ts'
import { armKind, type Kind } from './kinds.ts'

/** What the facts table says of a kind's fields, parsed once. */
export interface KindFields {
  /** Made or computed by the service; a client never sends them. */
  readonly serverMade: readonly FieldPath[]
  /** Secrets: returned as null or not at all, put back through `PutOptions.secrets` only (I9). */
  readonly writeOnly: readonly FieldPath[]
}

/** Fields that the services fill, or that say where a document stands, although the specification calls them writable. */
const alsoServerMade: Partial<Record<Kind, readonly FieldPath[]>> = {
  // Whose role it is and which, its id says; both are other ids on the other side.
  'role-assignment': [
    ...['scope', 'roleDefinitionId', 'principalId'],
    ...['createdOn', 'createdBy', 'updatedOn', 'updatedBy'],
  ].map((name) => plainPath('properties', name)),
  workspace: [plainPath('properties', 'discoveryUrl')],
  job: [plainPath('properties', 'services'), plainPath('properties', 'parameters')],
  environment: [plainPath('properties', 'properties', 'azureml.labels')],
}

const envelope = ['id', 'name', 'type', 'systemData', 'etag'].map((name) => plainPath(name))

const cache = new Map<Kind, KindFields>()

/** Empty lists beyond the envelope for kinds without an ARM document. */
export function fieldsOf(kind: Kind): KindFields {
  const known = cache.get(kind)
  if (known !== undefined) return known
  const made = makeFields(kind)
  cache.set(kind, made)
  return made
}

function makeFields(kind: Kind): KindFields {
  const type =
    kind === 'workspace'
      ? 'Microsoft.MachineLearningServices/workspaces'
      : [
          'Microsoft.MachineLearningServices/workspaces',
          ...(armKind(kind)?.segments ?? ['-']),
        ].join('/')
  const row = facts.resources.find((resource) => resource.type === type)
  const referenceFields = (action: string) =>
    (row?.references ?? []).filter((r) => r.action === action).map((r) => r.field)
  const parse = (texts: readonly string[]) => texts.flatMap(parseFieldPaths)
  return {
    serverMade: [...envelope, ...parse(row?.readOnly ?? []), ...(alsoServerMade[kind] ?? [])],
    writeOnly: parse([...(row?.writeOnly ?? []), ...referenceFields('secret')]),
  }
}
