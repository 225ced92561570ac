import { AzureError, type KindBehaviour, type RegionContext } from '../../context.ts'
import { parentId } from '../arm-path.ts'
import { asRecord, type Document } from '../document.ts'
import { implicitResource } from './implicit-resource.ts'

const account = 'Microsoft.Storage/storageAccounts'

export const blobServiceDefaults: Document = {
  cors: { corsRules: [] },
  deleteRetentionPolicy: { allowPermanentDelete: false, enabled: false },
  containerDeleteRetentionPolicy: { enabled: false },
  isVersioningEnabled: false,
  changeFeed: { enabled: false },
  restorePolicy: { enabled: false },
}

/** Each account has its services from the start; what they keep of deleted things is off until set. */
const services: Readonly<Record<string, Document>> = {
  blobServices: blobServiceDefaults,
  fileServices: {
    cors: { corsRules: [] },
    shareDeleteRetentionPolicy: { enabled: true, days: 7 },
  },
  queueServices: { cors: { corsRules: [] } },
  tableServices: { cors: { corsRules: [] } },
}

export function storageServiceBehaviours(region: RegionContext): KindBehaviour[] {
  return [
    ...Object.entries(services).map(([name, defaults]) => serviceBehaviour(region, name, defaults)),
    containerBehaviour(region),
  ]
}

function serviceBehaviour(region: RegionContext, name: string, defaults: Document): KindBehaviour {
  const type = `${account}/${name}`
  return {
    type: type.toLowerCase(),
    implicit: (id) =>
      /\/default$/i.test(id) && region.resources.get(parentId(id))
        ? implicitResource(id, type, { properties: defaults })
        : undefined,
    beforePut({ body, existing }) {
      const given = asRecord(body.properties)
      const properties = { ...defaults, ...asRecord(existing?.body.properties), ...given }
      for (const [policy, value] of Object.entries(properties)) checkRetention(policy, value)
      return { body: { ...body, properties } }
    },
  }
}

/** A retention that is on says for how long. */
function checkRetention(policy: string, value: unknown): void {
  const { enabled, days } = asRecord(value)
  if (!/(D|d)eleteRetentionPolicy$/.test(policy) || enabled !== true) return
  const isValid = Number.isInteger(days) && Number(days) >= 1 && Number(days) <= 365
  if (!isValid)
    throw new AzureError(
      400,
      'InvalidValuesForRequestParameters',
      `Values for request parameters are invalid: ${policy}.days (1 to 365).`,
    )
}

/** Containers made through ARM are there for the Blob service at once. */
function containerBehaviour(region: RegionContext): KindBehaviour {
  return {
    type: `${account}/blobServices/containers`.toLowerCase(),
    afterPut: async ({ id, name }) => {
      const [, owner = ''] = /\/storageAccounts\/([^/]+)\//i.exec(id) ?? []
      region.blobs.ensureAccount(owner.toLowerCase())
      region.blobs.ensureContainer(owner.toLowerCase(), name)
    },
    present: () => ({
      properties: { publicAccess: 'None', leaseStatus: 'Unlocked', leaseState: 'Available' },
    }),
  }
}
