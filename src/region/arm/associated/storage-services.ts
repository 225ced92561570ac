import type { KindBehaviour, RegionContext } from '../../context.ts'
import { parentId } from '../arm-path.ts'
import { asRecord, type Document } from '../document.ts'
import { implicitResource } from './implicit-resource.ts'

const account = 'Microsoft.Storage/storageAccounts'

/** Each account has its services from the start; what they keep of deleted things is off until set. */
const services: Readonly<Record<string, Document>> = {
  blobServices: {
    cors: { corsRules: [] },
    deleteRetentionPolicy: { allowPermanentDelete: false, enabled: false },
    containerDeleteRetentionPolicy: { enabled: false },
    isVersioningEnabled: false,
    changeFeed: { enabled: false },
    restorePolicy: { enabled: false },
  },
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
    beforePut: ({ body, existing }) => ({
      body: {
        ...body,
        properties: {
          ...defaults,
          ...asRecord(existing?.body.properties),
          ...asRecord(body.properties),
        },
      },
    }),
  }
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
