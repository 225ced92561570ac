import { normalRegion } from '../../model/canonical.ts'
import { HoldfastError } from '../../model/errors.ts'
import { isObject } from '../../model/field-path.ts'
import type { Json, JsonObject } from '../../model/json.ts'
import type { Place } from '../../model/place.ts'
import { collect } from '../pages.ts'
import type { CallOptions } from '../workspace.ts'
import type { ArmObjects } from './arm-objects.ts'
import type { Cloud } from './cloud.ts'
import type { HttpClient } from './http-client.ts'
import { object, text } from './json-reads.ts'

const storageVersion = '2025-01-01'
const registryVersion = '2023-07-01'

/**
 * Where a workspace is: its own document, its storage account, its datastores and the discovery
 * document. Throws `workspace.not-found`.
 */
export async function describePlace(
  http: HttpClient,
  objects: ArmObjects,
  cloud: Cloud,
  workspaceId: string,
  options: CallOptions,
): Promise<{ readonly place: Place; readonly accountKey: string | undefined }> {
  const signal = options.signal
  const workspace = await http.send({
    method: 'GET',
    url: objects.url(workspaceId),
    place: 'workspace',
    signal,
    accept: [404],
  })
  if (workspace.status === 404 || !isObject(workspace.body)) {
    throw new HoldfastError('workspace.not-found', `there is no workspace '${workspaceId}'`, {
      kind: 'operator',
      place: workspaceId,
      hint: 'Check the ARM id in continuity.yaml; a soft-deleted workspace has to be recovered first.',
    })
  }
  const properties = object(workspace.body.properties)
  const [, , subscriptionId = '', , resourceGroup = '', , , , workspaceName = ''] =
    workspaceId.split('/')
  const storageId = text(properties.storageAccount)
  const storageUrl = (suffix: string) =>
    `${cloud.resourceManager}${storageId}${suffix}?api-version=${storageVersion}`
  const [account, keys, discovery, containers, imageRegistry] = await Promise.all([
    http.send({ method: 'GET', url: storageUrl(''), place: 'storage account', signal }),
    http.send({
      method: 'POST',
      url: storageUrl('/listKeys'),
      body: {},
      place: 'storage account listKeys',
      signal,
      accept: [401, 403],
    }),
    http.send({ method: 'GET', url: text(properties.discoveryUrl), place: 'discovery', signal }),
    ownContainers(objects, storageId.split('/').at(-1) ?? '', options),
    findRegistry(http, cloud, optional(properties.containerRegistry), options),
  ])
  const endpoints = object(object(object(account.body).properties).primaryEndpoints)
  const { principalId } = object(workspace.body.identity)
  const firstKey = (object(keys.body).keys as readonly JsonObject[] | undefined)?.[0]
  return {
    accountKey: typeof firstKey?.value === 'string' ? firstKey.value : undefined,
    place: {
      subscriptionId,
      resourceGroup,
      workspaceName,
      workspaceGuid: text(properties.workspaceId),
      region: normalRegion(text(workspace.body.location)),
      storageAccount: storageId.split('/').at(-1) ?? '',
      blobOrigin: text(endpoints.blob).replace(/\/$/, ''),
      apiOrigin: text(object(discovery.body).api).replace(/\/$/, ''),
      associated: {
        storageAccount: optional(properties.storageAccount),
        keyVault: optional(properties.keyVault),
        applicationInsights: optional(properties.applicationInsights),
        containerRegistry: optional(properties.containerRegistry),
      },
      ...(imageRegistry === undefined ? {} : { imageRegistry }),
      containers,
      ...(typeof principalId === 'string' ? { principalId } : {}),
    },
  }
}

/** Datastores on the default account: their containers have other names on the other side (design D6). */
async function ownContainers(
  objects: ArmObjects,
  account: string,
  options: CallOptions,
): Promise<Record<string, string>> {
  const datastores = await collect((page) => objects.list('datastore', { ...page, ...options }))
  const entries = datastores.flatMap(({ id, body }) => {
    const properties = object(body.properties)
    const mine =
      properties.datastoreType === 'AzureBlob' &&
      text(properties.accountName).toLowerCase() === account.toLowerCase()
    const [name] = id.path
    return mine && name !== undefined && systemStores.has(name)
      ? [[name, text(properties.containerName)] as const]
      : []
  })
  return Object.fromEntries(entries)
}

/** Undefined: the workspace has none, or it is gone. */
async function findRegistry(
  http: HttpClient,
  cloud: Cloud,
  id: string | undefined,
  { signal }: CallOptions,
): Promise<Place['imageRegistry']> {
  if (id === undefined) return undefined
  const read = (below: string) => {
    const url = `${cloud.resourceManager}${id}${below}?api-version=${registryVersion}`
    const accept = [401, 403, 404]
    return http.send({ method: 'GET', url, place: 'container registry', signal, accept })
  }
  const { status, body } = await read('')
  if (status === 404) return undefined
  // Nobody but Azure Resource Manager has to let us read it: its name says where it is.
  if (status !== 200)
    return { server: `${id.split('/').at(-1)}.${cloud.registrySuffix}`.toLowerCase(), regions: [] }
  const { properties, sku, location } = object(body)
  const isReplicated = object(sku).name === 'Premium'
  const { value } = object(isReplicated ? (await read('/replications')).body : undefined)
  const replicas = (Array.isArray(value) ? value : []).map((one) => text(object(one).location))
  return {
    server: text(object(properties).loginServer).toLowerCase(),
    regions: [...new Set([text(location), ...replicas].map(normalRegion))],
  }
}

const systemStores: ReadonlySet<string> = new Set(['workspaceblobstore', 'workspaceartifactstore'])

function optional(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
