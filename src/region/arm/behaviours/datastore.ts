import {
  type ActionAnswer,
  type ArmResource,
  AzureError,
  type KindBehaviour,
  type PutRequest,
  type RegionContext,
} from '../../context.ts'
import { workspaceIdOf } from '../arm-path.ts'
import { asRecord, asText, type Document, isRecord } from '../document.ts'
import { workspaceStores } from '../workspace-stores.ts'
import { workspaceType } from './workspace.ts'

const sasHours = 24

/** Datastores: credentials go in and come out of `listSecrets` only (I9). */
export function datastoreBehaviour(region: RegionContext): KindBehaviour {
  return {
    type: `${workspaceType}/datastores`.toLowerCase(),
    beforePut: takeSecrets,
    actions: { listsecrets: async (datastore, body) => secretsOf(region, datastore, body) },
    present: (datastore) => {
      const properties = asRecord(datastore.body.properties)
      if (!isOwnAccount(region, datastore)) return {}
      const host = `core.localhost:${new URL(region.storageOrigin).port}`
      return { properties: { endpoint: properties.endpoint ?? host } }
    },
  }
}

function takeSecrets({ body, existing }: PutRequest) {
  const properties = asRecord(body.properties)
  if (asText(properties.datastoreType) === undefined)
    throw new AzureError(400, 'ValidationError', 'The field properties.datastoreType is required.')
  const { secrets, ...credentials } = asRecord(properties.credentials)
  const document: Document = {
    ...body,
    properties: {
      isDefault: false,
      ...properties,
      credentials: { credentialsType: 'None', ...credentials },
    },
  }
  if (isRecord(secrets)) return { body: document, secrets: { secrets } }
  // A writer that sends back what it read keeps the secret; another kind of credentials drops it.
  const before = asRecord(asRecord(existing?.body.properties).credentials).credentialsType
  const after = asRecord(asRecord(document.properties).credentials).credentialsType
  return { body: document, ...(before !== after && { secrets: {} }) }
}

/** Whether the datastore lies in the workspace's own account, whose keys the region holds. */
function isOwnAccount(region: RegionContext, datastore: ArmResource): boolean {
  const account = asText(asRecord(datastore.body.properties).accountName)?.toLowerCase()
  const workspaceId = workspaceIdOf(datastore.id)
  if (account === undefined || workspaceId === undefined) return false
  if (!region.resources.get(workspaceId)) return false
  return workspaceStores(region.resources, workspaceId).account === account
}

function secretsOf(region: RegionContext, datastore: ArmResource, body: unknown): ActionAnswer {
  const properties = asRecord(datastore.body.properties)
  const type = asText(asRecord(properties.credentials).credentialsType) ?? 'None'
  const stored = asRecord(datastore.secrets.secrets)
  if (Object.keys(stored).length > 0) return { status: 200, body: { secretsType: type, ...stored } }
  if (type === 'AccountKey' && isOwnAccount(region, datastore))
    return { status: 200, body: ownSecrets(region, properties, asRecord(body)) }
  throw new AzureError(
    400,
    'UserError',
    `The datastore '${datastore.name}' has no credentials (credentialsType ${type}).`,
  )
}

function ownSecrets(region: RegionContext, properties: Document, request: Document): Document {
  const account = asText(properties.accountName)?.toLowerCase() ?? ''
  const [key] = region.blobs.ensureAccount(account).keys
  const container = asText(properties.containerName)
  if (request.expirableSecret !== true || container === undefined)
    return { secretsType: 'AccountKey', key }
  const hours = typeof request.expireAfterHours === 'number' ? request.expireAfterHours : sasHours
  const expiresAt = new Date(region.clock().getTime() + hours * 3_600_000)
  const sasToken = region.blobs.sas(account, container, undefined, 'rcwdl', expiresAt)
  return { secretsType: 'Sas', sasToken }
}
