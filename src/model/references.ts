import { isObject } from './field-path.ts'
import { ownImage } from './images.ts'
import type { Json, JsonObject } from './json.ts'
import { armKinds, isTrackingKind, type Kind } from './kinds.ts'
import { same } from './move.ts'
import { formatObjectId, type ObjectId } from './object-id.ts'
import type { Place } from './place.ts'
import { identityOwner } from './principal-names.ts'
import { trackedReferences } from './tracked-ids.ts'

/**
 * The objects of the same workspace that `body` names, in any of the URI forms, plus the object's own
 * parent: what has to exist before it does. Ids of other workspaces are left out when `place` is
 * given; without it every workspace id counts. Unordered duplicates are folded.
 */
export function referencesOf(id: ObjectId, body: JsonObject, place?: Place): ObjectId[] {
  const found = new Map<string, ObjectId>()
  const add = (reference: ObjectId | undefined) => {
    if (reference === undefined) return
    const text = formatObjectId(reference)
    if (text !== formatObjectId(id)) found.set(text, reference)
  }
  add(parentOf(id))
  if (id.kind === 'role-assignment') add(identityOwner(id.path[1] ?? ''))
  if (isTrackingKind(id.kind)) {
    for (const reference of trackedReferences(body)) add(reference)
    return [...found.values()]
  }
  walkStrings(body, '', '', (field, path, text) => {
    if (!envelope.has(path)) add(readReference(text, field, place))
  })
  return [...found.values()]
}

const envelope = new Set(['id', 'name', 'type', 'etag'])

/** `model/fraud/3` -> `model-container/fraud`; `online-deployment/e/blue` -> `online-endpoint/e`. */
export function parentOf(id: ObjectId): ObjectId | undefined {
  const parent =
    id.kind === 'model-version'
      ? 'registered-model'
      : armKinds.find((one) => one.kind === id.kind)?.parent
  return parent === undefined ? undefined : { kind: parent, path: id.path.slice(0, -1) }
}

function walkStrings(
  value: Json | undefined,
  field: string,
  path: string,
  visit: (field: string, path: string, text: string) => void,
): void {
  if (typeof value === 'string') visit(field, path, value)
  else if (Array.isArray(value)) for (const one of value) walkStrings(one, field, path, visit)
  else if (isObject(value)) {
    for (const [key, child] of Object.entries(value)) {
      walkStrings(child, key, path === '' ? key : `${path}.${key}`, visit)
    }
  }
}

function readReference(text: string, field: string, place?: Place): ObjectId | undefined {
  return (
    readScoped(text, place) ??
    readAssetId(text, place) ??
    readShortUri(text) ??
    (place && ownImage(text, place)) ??
    readShortAsset(text, field)
  )
}

const scoped =
  /^(?:azureml:(?:\/\/)?)?\/?subscriptions\/([^/]+)\/resourcegroups\/([^/]+)(?:\/providers\/microsoft\.machinelearningservices)?\/workspaces\/([^/?#]+)\/(.+)$/i

function readScoped(text: string, place?: Place): ObjectId | undefined {
  const match = scoped.exec(text)
  if (match === null) return undefined
  const [, subscription, group, workspace, rest = ''] = match
  const here =
    place === undefined ||
    (same(subscription, place.subscriptionId) &&
      same(group, place.resourceGroup) &&
      same(workspace, place.workspaceName))
  return here ? readSegments(rest) : undefined
}

function readAssetId(text: string, place?: Place): ObjectId | undefined {
  const match = /^azureml:\/\/locations\/[^/]+\/workspaces\/([^/]+)\/(.+)$/i.exec(text)
  if (match === null) return undefined
  return place === undefined || same(match[1], place.workspaceGuid)
    ? readSegments(match[2] ?? '')
    : undefined
}

/** `models/fraud/versions/3`, `onlineEndpoints/e/deployments/blue`, `datastores/ds/paths/…`. */
function readSegments(rest: string): ObjectId | undefined {
  const parts = rest.split(/[?#]/)[0]?.split('/') ?? []
  const [type = '', name, child = '', childName] = parts
  if (name === undefined || name === '') return undefined
  if (same(type, 'jobs')) return { kind: 'run', path: [decode(name)] }
  const matching = armKinds.filter((one) => same(one.segments[0], type))
  const nested = matching.find((one) => same(one.segments[1], child))
  if (nested !== undefined && childName !== undefined && childName !== '') {
    return { kind: nested.kind, path: [decode(name), decode(childName)] }
  }
  const plain = matching.find((one) => one.segments.length === 1)
  return plain === undefined ? undefined : { kind: plain.kind, path: [decode(name)] }
}

/** A name that is not percent-encoded properly is taken as it stands. */
function decode(name: string): string {
  return /%[0-9a-f]{2}/i.test(name) && !/%(?![0-9a-f]{2})/i.test(name)
    ? decodeURIComponent(name)
    : name
}

function readShortUri(text: string): ObjectId | undefined {
  const datastore = /^azureml:\/\/datastores\/([^/]+)\//i.exec(text)?.[1]
  if (datastore !== undefined) return { kind: 'datastore', path: [datastore] }
  const run = /^(?:azureml:\/\/jobs|runs:)\/([^/?#]+)/i.exec(text)?.[1]
  return run === undefined ? undefined : { kind: 'run', path: [run] }
}

/** Which kind `azureml:name:version` means depends on the field it stands in. */
const kindOfField: Readonly<Record<string, readonly [versioned: Kind, container: Kind]>> = {
  environment: ['environment', 'environment-container'],
  environmentId: ['environment', 'environment-container'],
  code: ['code', 'code-container'],
  codeId: ['code', 'code-container'],
  component: ['component', 'component-container'],
  componentId: ['component', 'component-container'],
  model: ['model', 'model-container'],
  modelId: ['model', 'model-container'],
  entities: ['feature-entity', 'feature-entity-container'],
  dataId: ['data', 'data-container'],
  path: ['data', 'data-container'],
  uri: ['data', 'data-container'],
}

function readShortAsset(text: string, field: string): ObjectId | undefined {
  if (field === 'compute' || field === 'default_compute' || field === 'imageBuildCompute') {
    const name = /^(?:azureml:)?([A-Za-z][\w-]*)$/.exec(text)?.[1]
    return name === undefined ? undefined : { kind: 'compute', path: [name] }
  }
  const match = /^azureml:([^/:@\s]+)(?::([^/@\s]+)|@[^/\s]+)?$/.exec(text)
  const kinds = kindOfField[field]
  if (match === null || kinds === undefined) return undefined
  const [, name = '', version] = match
  return version === undefined
    ? { kind: kinds[1], path: [name] }
    : { kind: kinds[0], path: [name, version] }
}
