import { isObject } from './field-path.ts'
import type { JsonObject } from './json.ts'
import type { Kind } from './kinds.ts'
import {
  type Move,
  mapContainer,
  mapName,
  mapShare,
  moveRegion,
  same,
  type Verdict,
} from './move.ts'

/**
 * Fields that hold a bare name: a compute, a datastore, a region, an account. The name alone does
 * not say that it is a reference; the field does. Undefined: no rule for this field, or the value is
 * a URI, which the generic pass judges.
 */
export function relocateField(
  kind: Kind,
  path: string,
  value: string,
  root: JsonObject,
  move: Move,
): Verdict | undefined {
  const field =
    path
      .split('.')
      .at(-1)
      ?.replace(/\[\d+\]$/, '') ?? ''
  const moved = (result: string | undefined): Verdict =>
    result === undefined
      ? { is: 'unresolved', reason: 'unmapped-container' }
      : result === value
        ? { is: 'kept' }
        : { is: 'moved', value: result }
  if (path === 'location' || path === 'properties.computeLocation') {
    return moved(moveRegion(value, move))
  }
  if (kind === 'datastore' && path.startsWith('properties.')) {
    return datastoreField(path, value, root, move, moved)
  }
  if (kind === 'outbound-rule' && field === 'serviceTag') return moved(moveServiceTag(value, move))
  if (value.includes('/')) return undefined
  if (isComputeField(kind, field, path)) return moved(moveCompute(value, move))
  if (datastoreFields.has(field)) return moved(mapName(move, 'datastore', value))
  if (identityFields.has(field)) return moved(mapName(move, 'identity', value))
  return undefined
}

const computeFields = new Set(['compute', 'computeId', 'default_compute', 'imageBuildCompute'])
const datastoreFields = new Set(['default_datastore', 'defaultDatastore'])
const identityFields = new Set(['clientId', 'objectId', 'principalId', 'client_id', 'object_id'])

function isComputeField(kind: Kind, field: string, path: string): boolean {
  if (computeFields.has(field)) return true
  if (kind !== 'run') return false
  return ['target', 'compute.target'].includes(path) || field === 'uniqueChildRunComputeTargets'
}

/** `gpu-east` and `azureml:gpu-east`. */
function moveCompute(value: string, move: Move): string {
  const [, prefix = '', name = value] = /^(azureml:)?(.*)$/s.exec(value) ?? []
  return prefix + mapName(move, 'compute', name)
}

/** `Storage.EastUS` carries the region. */
function moveServiceTag(value: string, move: Move): string {
  const [, service = '', region = ''] = /^([^.]+\.)(.+)$/.exec(value) ?? []
  return service === '' ? value : service + moveRegion(region, move)
}

function datastoreField(
  path: string,
  value: string,
  root: JsonObject,
  move: Move,
  moved: (result: string | undefined) => Verdict,
): Verdict | undefined {
  const properties = isObject(root.properties) ? root.properties : {}
  const account = properties.accountName
  const { from, to, map } = move
  const ours = typeof account === 'string' && same(account, from.storageAccount)
  const already = typeof account === 'string' && same(account, to.storageAccount)
  switch (path.slice('properties.'.length)) {
    case 'accountName': {
      if (ours) return moved(to.storageAccount)
      const mapped = mapName(move, 'account', value)
      if (already || mapped !== value) return moved(mapped)
      const isTarget = Object.values(map.account ?? {}).includes(value)
      return isTarget ? { is: 'kept' } : { is: 'unresolved', reason: 'other-account' }
    }
    case 'containerName':
    case 'filesystem':
      return ours ? moved(mapContainer(value, move)) : { is: 'kept' }
    case 'fileShareName':
      return ours ? moved(map.share?.[value] ?? mapShare(value, move)) : { is: 'kept' }
    case 'subscriptionId':
      return ours && same(value, scopeOf(move, 'from').subscriptionId)
        ? moved(scopeOf(move, 'to').subscriptionId)
        : { is: 'kept' }
    case 'resourceGroup':
      return ours && same(value, scopeOf(move, 'from').resourceGroup)
        ? moved(scopeOf(move, 'to').resourceGroup)
        : { is: 'kept' }
    default:
      return undefined
  }
}

/** Where the storage account is; it need not share the workspace's resource group. */
function scopeOf(move: Move, side: 'from' | 'to') {
  const place = move[side]
  const match = /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)/i.exec(
    place.associated.storageAccount ?? '',
  )
  return {
    subscriptionId: match?.[1] ?? place.subscriptionId,
    resourceGroup: match?.[2] ?? place.resourceGroup,
  }
}
