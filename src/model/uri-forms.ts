import {
  type Form,
  foreign,
  hostOf,
  kept,
  lookUp,
  type Move,
  mapContainer,
  mapName,
  same,
  unresolved,
  type Verdict,
  verdict,
} from './move.ts'
import type { Place } from './place.ts'
import { bareName, blobAddress, hadoopAddress } from './storage-uri-forms.ts'

/**
 * Rewrites one URI from one place to another, in every form of the facts table (`uriForms`,
 * `azureml-api.md` section 1).
 */
export function relocateUri(value: string, move: Move): Verdict {
  for (const form of forms) {
    const result = form(value, move)
    if (result.is !== 'foreign') return result
  }
  return foreign
}

const workspacePattern =
  /^(azureml:(?:\/\/)?)?(\/?subscriptions\/)([^/?#&\s]+)(\/resourcegroups\/)([^/?#&\s]+)((?:\/providers\/microsoft\.machinelearningservices)?\/workspaces\/)([^/?#&\s]+)(.*)$/is

/** ARM ids below a workspace, with `azureml:` before them or not, and `azureml://subscriptions/…`. */
const workspaceScoped: Form = (value, move) => {
  const match = workspacePattern.exec(value)
  if (match === null) return foreign
  const [, scheme = '', a = '', sub = '', b = '', group = '', c = '', name = '', rest = ''] = match
  const { from, to } = move
  const at = (place: Place) =>
    same(sub, place.subscriptionId) &&
    same(group, place.resourceGroup) &&
    same(name, place.workspaceName)
  if (at(from)) {
    const head = `${scheme}${a}${to.subscriptionId}${b}${to.resourceGroup}${c}${to.workspaceName}`
    return verdict(value, head + mapChild(rest, move))
  }
  return at(to) ? kept : unresolved('other-workspace')
}

const childCategories: Readonly<Record<string, string>> = {
  computes: 'compute',
  datastores: 'datastore',
  environments: 'environment',
}

/** `/computes/gpu-east` -> `/computes/gpu-west`. */
function mapChild(rest: string, move: Move): string {
  const match = /^\/([^/?#]+)\/([^/?#&\s]+)(.*)$/s.exec(rest)
  const [, segment = '', name = '', more = ''] = match ?? []
  const category = childCategories[segment.toLowerCase()]
  if (category === undefined) return rest
  return `/${segment}/${mapName(move, category, name)}${more}`
}

/** `azureml://locations/{region}/workspaces/{guid}/models/…`. */
const assetId: Form = (value, { from, to }) => {
  const match = /^(azureml:\/\/locations\/)([^/]+)(\/workspaces\/)([^/]+)(.*)$/is.exec(value)
  if (match === null) return foreign
  const [, a = '', , b = '', guid = '', rest = ''] = match
  if (same(guid, from.workspaceGuid)) {
    return verdict(value, `${a}${to.region}${b}${to.workspaceGuid}${rest}`)
  }
  return same(guid, to.workspaceGuid) ? kept : unresolved('other-workspace')
}

/** Short forms name no workspace; only a mapped name changes. */
const portable: Form = (value, move) => {
  const match = /^(azureml:\/\/)(datastores|registries)\/([^/]+)(.*)$/is.exec(value)
  if (match !== null) {
    const [, scheme = '', kind = '', name = '', rest = ''] = match
    const category = kind.toLowerCase() === 'datastores' ? 'datastore' : 'registry'
    return verdict(value, `${scheme}${kind}/${mapName(move, category, name)}${rest}`)
  }
  if (/^(azureml:\/\/jobs\/|runs:\/)/i.test(value)) return kept
  return /^azureml:[^/:@\s]+(:[^\s]+|@[^\s]+)$/i.test(value) ? kept : foreign
}

/** Tracking, artifact, data-plane and studio addresses: a host and an ARM id behind it. */
const dataPlane: Form = (value, move) => {
  const match = /^(azureml|https?)(:\/\/)([^/?#\s]+)([^\s]*?)(\/subscriptions\/.*)$/is.exec(value)
  if (match === null) return foreign
  const [, scheme = '', slashes = '', host = '', path = '', arm = ''] = match
  const inner = workspaceScoped(arm, move)
  const newHost = mapHost(host, move)
  if (inner.is === 'unresolved') {
    return newHost === undefined && scheme.toLowerCase() !== 'azureml' ? foreign : inner
  }
  if (inner.is === 'foreign') return foreign
  if (newHost === undefined) {
    return inner.is === 'moved' ? unresolved('unmapped-host') : kept
  }
  const newArm = inner.is === 'moved' ? inner.value : arm
  // A host of `from` in front of an id of `to` cannot be put right by rewriting half of it.
  if (inner.is === 'kept' && !same(newHost, host) && !sameWorkspace(move)) {
    return unresolved('unmapped-host')
  }
  return verdict(value, `${scheme}${slashes}${newHost}${path}${newArm}`)
}

function sameWorkspace({ from, to }: Move): boolean {
  return (
    same(from.subscriptionId, to.subscriptionId) &&
    same(from.resourceGroup, to.resourceGroup) &&
    same(from.workspaceName, to.workspaceName)
  )
}

function mapHost(host: string, { from, to }: Move): string | undefined {
  const hosts = (place: Place) => [
    hostOf(place.apiOrigin),
    `${place.workspaceGuid}.workspace.${place.region}.api.azureml.ms`,
    `${place.region}.api.azureml.ms`,
    `${place.region}.experiments.azureml.net`,
  ]
  const targets = hosts(to)
  const index = hosts(from).findIndex((known) => same(known, host))
  if (index >= 0) return targets[index]
  const global = /^(management\.|ml\.azure\.|portal\.azure\.)/i.test(host)
  return global || targets.some((known) => same(known, host)) ? host : undefined
}

/** Other ARM ids: associated resources, and whatever the plan maps. */
const resourceId: Form = (value, move) => {
  if (!/^\/subscriptions\/[^/\s]+(\/\S*)?$/i.test(value)) return foreign
  const { from, to, map } = move
  for (const names of Object.values(map)) {
    const target = lookUp(names, value)
    if (target !== undefined) return verdict(value, target)
  }
  for (const role of Object.keys(from.associated) as (keyof Place['associated'])[]) {
    const own = from.associated[role]
    if (own === undefined || !isBelow(value, own)) continue
    const target = to.associated[role]
    if (target === undefined) return unresolved('unmapped-resource')
    return verdict(value, target + mapBlobService(value.slice(own.length), move))
  }
  const atTarget = Object.values(to.associated).some((id) => id !== undefined && isBelow(value, id))
  if (atTarget) return kept
  if (Object.values(map).some((n) => Object.values(n).some((t) => same(t, value)))) return kept
  const groupId = (p: Place) =>
    `/subscriptions/${p.subscriptionId}/resourceGroups/${p.resourceGroup}`
  if (same(value, groupId(from))) return verdict(value, groupId(to))
  if (same(value, groupId(to)) || /\/roleDefinitions\/[^/]+$/i.test(value)) return kept
  return unresolved('unmapped-resource')
}

function isBelow(value: string, id: string): boolean {
  return same(value, id) || value.toLowerCase().startsWith(`${id.toLowerCase()}/`)
}

function mapBlobService(rest: string, move: Move): string {
  const match = /^(\/blobServices\/default\/containers\/)([^/]+)(.*)$/is.exec(rest)
  const [, head = '', container = '', more = ''] = match ?? []
  if (match === null) return rest
  const mapped = mapContainer(container, move)
  return `${head}${mapped ?? container}${more}`
}

/** Scoring addresses carry the region and are given by the service: nothing to compute them from. */
const scoringAddress: Form = (value, { from, to }) => {
  const match = /^https?:\/\/[^./\s]+\.([^./\s]+)\.inference\.ml\.azure\.[a-z.]+(\/|$)/i.exec(value)
  if (match === null) return foreign
  const moved = same(match[1], from.region) && !same(from.region, to.region)
  return moved ? unresolved('regional-address') : kept
}

/** Images in the workspace's own container registry: a tag stays a tag, a digest that digest. */
const image: Form = (value, { from, to }) => {
  const [server = '', ...rest] = value.split('/')
  if (rest.length === 0) return foreign
  const target = to.imageRegistry?.server
  if (!same(server, from.imageRegistry?.server)) return same(server, target) ? kept : foreign
  if (target === undefined) return unresolved('unmapped-resource')
  return verdict(value, [target, ...rest].join('/'))
}

const forms: readonly Form[] = [
  workspaceScoped,
  assetId,
  portable,
  dataPlane,
  resourceId,
  scoringAddress,
  blobAddress,
  hadoopAddress,
  image,
  bareName,
]
