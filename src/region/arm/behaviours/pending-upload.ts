import { randomUUID } from 'node:crypto'
import { pathAddress } from '../../blob-address.ts'
import { AzureError, type RegionContext } from '../../context.ts'
import { workspaceIdOf } from '../arm-path.ts'
import { asRecord, asText, type Document } from '../document.ts'
import { workspaceStores } from '../workspace-stores.ts'
import { registryAccount } from './registry-stores.ts'

const hourMs = 3_600_000
const temporary = 'TemporaryBlobReference'

/**
 * A place of its own for each upload: one container per code snapshot, as Azure has done since SDK
 * 1.7, so that two uploads can never mix.
 */
export function pendingUpload(
  region: RegionContext,
  id: string,
  body: Document,
  addressOf = pathAddress,
): Document {
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
  const blobUri = addressOf(region, account, container)
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
