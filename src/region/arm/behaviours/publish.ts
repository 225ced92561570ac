import { randomUUID } from 'node:crypto'
import { containerAddress } from '../../blob-address.ts'
import { resolveUri } from '../../compute/uris.ts'
import {
  type ActionAnswer,
  type ArmResource,
  AzureError,
  type Caller,
  type RegionContext,
} from '../../context.ts'
import { parentId, workspaceIdOf } from '../arm-path.ts'
import { containerDocument } from '../asset-versions.ts'
import { asRecord, asText, type Document } from '../document.ts'
import { registryAccount, registryNamed, registryType } from './registry-stores.ts'
import { workspaceType } from './workspace.ts'

/** Where a version has its bytes. */
const addressFields = ['modelUri', 'dataUri', 'codeUri'] as const

/** `publish`: a version of a workspace, with its bytes, becomes one of a registry. */
export async function publish(
  region: RegionContext,
  version: ArmResource,
  request: unknown,
  actor: Caller,
): Promise<ActionAnswer> {
  const wish = asRecord(request)
  const registry = registryNamed(region, asText(wish.registryName) ?? '')
  await copyVersion(region, version, registry, wish, actor)
  return { status: 202 }
}

/** `import`: the same, asked of the registry. No body: clients then read what they asked for. */
export async function importVersion(
  region: RegionContext,
  registry: ArmResource,
  request: unknown,
  actor: Caller,
): Promise<ActionAnswer> {
  const wish = asRecord(asRecord(request).properties)
  const source = asText(wish.sourceAssetId) ?? ''
  const version = region.resources.get(workspaceAssetId(region, source) ?? source)
  if (!version)
    throw new AzureError(404, 'UserError', `There is no asset '${source}' in this region.`)
  await copyVersion(region, version, registry, wish, actor)
  return { status: 200 }
}

/** The ARM id behind an asset id that names a workspace by its GUID. */
function workspaceAssetId(region: RegionContext, assetId: string): string | undefined {
  const [, guid, rest] =
    /^azureml:\/\/locations\/[^/]+\/workspaces\/([^/]+)\/(.+)$/i.exec(assetId) ?? []
  const workspace = region.resources
    .list('', workspaceType)
    .find(({ body }) => asRecord(body.properties).workspaceId === guid)
  return workspace && `${workspace.id}/${rest}`
}

async function copyVersion(
  region: RegionContext,
  version: ArmResource,
  registry: ArmResource,
  wish: Document,
  actor: Caller,
): Promise<void> {
  const [, segment = ''] = /\/workspaces\/[^/]+\/([^/]+)\//i.exec(version.id) ?? []
  const name = asText(wish.destinationName) ?? parentId(version.id).split('/').at(-1)
  const containerId = `${registry.id}/${segment}/${name}`
  const id = `${containerId}/versions/${asText(wish.destinationVersion) ?? version.name}`
  if (region.resources.get(id))
    throw new AzureError(409, 'Conflict', `The version '${id}' exists in the registry.`)
  const properties = { ...asRecord(version.body.properties), provisioningState: 'Succeeded' }
  const address = await copyBytes(region, version, registry, properties)
  const type = `${registryType}/${segment}`
  if (!region.resources.get(containerId))
    region.resources.put(containerId, type, { body: containerDocument(type, version.body) }, actor)
  const body = { ...version.body, properties: { ...properties, ...address } }
  region.resources.put(id, `${type}/versions`, { body }, actor)
}

/** Into a container of the registry's own; nothing for a version without bytes (a component). */
async function copyBytes(
  region: RegionContext,
  version: ArmResource,
  registry: ArmResource,
  properties: Document,
): Promise<Document> {
  const field = addressFields.find((one) => asText(properties[one]) !== undefined)
  if (field === undefined) return {}
  const workspaceId = workspaceIdOf(version.id) ?? ''
  const from = resolveUri(region, workspaceId, String(properties[field]))
  const { account } = registryAccount(registry)
  const container = `published-${randomUUID()}`
  region.blobs.ensureContainer(account, container)
  let afterName: string | undefined
  for (;;) {
    const page = region.blobs.list(from.account, from.container, {
      prefix: from.path,
      limit: 500,
      ...(afterName !== undefined && { afterName }),
    })
    for (const { name, metadata } of page) {
      const opened = region.blobs.open(from.account, from.container, name)
      if (opened) await region.blobs.put(account, container, name, opened.content, { metadata })
    }
    afterName = page.at(-1)?.name
    if (page.length < 500) break
  }
  return { [field]: `${containerAddress(region, account, container)}/${from.path}` }
}
