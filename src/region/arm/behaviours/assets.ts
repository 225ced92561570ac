import { randomUUID } from 'node:crypto'
import {
  type ArmResource,
  AzureError,
  type Caller,
  type KindBehaviour,
  type RegionContext,
} from '../../context.ts'
import type { ArmStore } from '../../store/resource-store.ts'
import { parentId, workspaceIdOf } from '../arm-path.ts'
import { assetSegments, containerDocument, versionDocument } from '../asset-versions.ts'
import { asRecord, asText, type Document, isRecord } from '../document.ts'
import { workspaceStores } from '../workspace-stores.ts'
import { publish } from './publish.ts'
import { registryAccount, registryType } from './registry.ts'
import { workspaceType } from './workspace.ts'

const uploadable = new Set<string>(['codes', 'data', 'models'])
const publishable = /\/workspaces\/(codes|environments|data|models|components)\/versions$/
const hourMs = 3_600_000

/** Containers and versions of every asset kind, in workspaces and in registries. */
export function assetBehaviours(region: RegionContext, store: ArmStore): KindBehaviour[] {
  return [workspaceType, registryType].flatMap((owner) =>
    assetSegments.flatMap((segment) => {
      const containerType = `${owner}/${segment}`.toLowerCase()
      return [
        containerBehaviour(containerType, store),
        versionBehaviour(containerType, region, store),
      ]
    }),
  )
}

function containerBehaviour(type: string, store: ArmStore): KindBehaviour {
  return {
    type,
    ...(isLongWritten(type) && { lro: 'registry' as const }),
    beforePut: ({ body, existing }) => {
      const fresh = asRecord(containerDocument(type, {}).properties)
      if (type.endsWith('/data')) delete fresh.dataType
      const before = asRecord(existing?.body.properties)
      const properties = { ...fresh, ...before, ...asRecord(body.properties) }
      return { body: { ...body, properties } }
    },
    present: (container) => ({ properties: versionNumbers(container, store) }),
  }
}

/** `latestVersion` is the newest by creation; `nextVersion` follows the highest whole number. */
function versionNumbers(container: ArmResource, store: ArmStore): Document {
  const type = `${container.type}/versions`
  const [newest] = store.scan(container.id, type, { limit: 1, newestFirst: true })
  const nextVersion = String(store.highestNumber(container.id, type) + 1)
  return { latestVersion: newest?.resource.name ?? null, nextVersion }
}

function versionBehaviour(
  containerType: string,
  region: RegionContext,
  store: ArmStore,
): KindBehaviour {
  const type = `${containerType}/versions`
  const segment = containerType.slice(containerType.lastIndexOf('/') + 1)
  return {
    type,
    ...(isLongWritten(type) && { lro: 'registry' as const }),
    beforePut: ({ body, existing }) => ({
      body: versionDocument(type, withDefaults(segment, body), existing?.body),
    }),
    ...(segment === 'models' && {
      present: (model: ArmResource) => ({
        properties: { flavors: asRecord(model.body.properties).flavors ?? {} },
      }),
    }),
    ...(segment === 'components' && {
      // The Python client asks for this name when its user named no version.
      implicit: (id: string) =>
        id.endsWith('/azureml_default')
          ? store.scan(parentId(id), type, { limit: 1, newestFirst: true })[0]?.resource
          : undefined,
    }),
    ...(segment === 'environments' && {
      present: () => ({ properties: { environmentType: 'UserCreated' } }),
    }),
    ...(publishable.test(type) && {
      actions: {
        publish: async (version: ArmResource, body: unknown, { actor }: { actor: Caller }) =>
          publish(region, version, body, actor),
      },
    }),
    ...(uploadable.has(segment) && {
      earlyActions: {
        startpendingupload: async (id: string, body: unknown) => ({
          status: 200,
          body: pendingUpload(region, id, asRecord(body)),
        }),
      },
    }),
  }
}

/** Payload fields that the service fills in when they are left out. */
function withDefaults(segment: string, body: Document): Document {
  const properties = asRecord(body.properties)
  if (segment !== 'environments' || !isRecord(properties.build)) return body
  const build = {
    ...properties.build,
    dockerfilePath: properties.build.dockerfilePath ?? 'Dockerfile',
  }
  return { ...body, properties: { ...properties, build } }
}

/** Feature kinds, and everything in a registry (facts, section 1, style R). */
const isLongWritten = (type: string) => /\/feature|\/registries\//.test(type)

const temporary = 'TemporaryBlobReference'

/**
 * A place of its own for each upload: one container per code snapshot, as Azure has done since SDK
 * 1.7, so that two uploads can never mix.
 */
function pendingUpload(region: RegionContext, id: string, body: Document): Document {
  const { pendingUploadType = temporary } = body
  if (pendingUploadType !== temporary)
    throw new AzureError(
      400,
      'ValidationError',
      `Uploads of the type '${pendingUploadType}' are not offered; '${temporary}' is.`,
    )
  const { account, accountId, prefix } = uploadPlace(region, id)
  const container = `${prefix}-${randomUUID().replaceAll('-', '').slice(0, 26)}`
  region.blobs.ensureContainer(account, container)
  const blobUri = `${region.storageOrigin}/${account}/${container}`
  const expiresAt = new Date(region.clock().getTime() + 24 * hourMs)
  const sas = region.blobs.sas(account, container, undefined, 'rcwl', expiresAt)
  return {
    pendingUploadId: asText(body.pendingUploadId) ?? randomUUID(),
    pendingUploadType,
    blobReferenceForConsumption: {
      blobUri,
      storageAccountArmId: accountId,
      credential: { credentialType: 'SAS', sasUri: `${blobUri}?${sas}` },
    },
  }
}

/** The account of the workspace or registry that an asset belongs to. */
function uploadPlace(region: RegionContext, id: string) {
  const [registryId] = /^.*\/registries\/[^/]+/i.exec(id) ?? []
  const registry = registryId === undefined ? undefined : region.resources.get(registryId)
  if (registry) {
    const { account, id: accountId } = registryAccount(registry)
    return { account, accountId, prefix: registry.name.toLowerCase().slice(0, 30) }
  }
  const workspaceId = workspaceIdOf(id) ?? ''
  const { account } = workspaceStores(region.resources, workspaceId)
  const workspace = asRecord(region.resources.get(workspaceId)?.body.properties)
  return {
    account,
    accountId: workspace.storageAccount,
    prefix: asText(workspace.workspaceId) ?? '',
  }
}
