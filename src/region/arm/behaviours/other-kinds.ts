import type { KindBehaviour } from '../../context.ts'
import { implicitResource } from '../associated/implicit-resource.ts'
import { madeId } from '../associated/made-id.ts'
import { asRecord } from '../document.ts'
import { workspaceType } from './workspace.ts'

/** Kinds of a workspace that are stored as written, and what can only be read. */
export const otherKinds = (): KindBehaviour[] => [
  {
    type: typed('marketplaceSubscriptions'),
    lro: 'registry',
    present: ({ id, body }) => ({
      properties: {
        marketplaceSubscriptionId: madeId(id, 'subscription'),
        marketplaceSubscriptionStatus: 'Subscribed',
        marketplacePlan: {
          publisherId: 'local',
          offerId: 'local',
          planId: String(asRecord(body.properties).modelId ?? '')
            .split('/')
            .at(-1),
        },
      },
    }),
  },
  { type: typed('capabilityHosts'), lro: 'registry' },
  { type: typed('labelingJobs'), lro: 'registry' },
  {
    type: typed('onlineEndpoints/deployments/skus'),
    list: (deployment) => [
      implicitResource(`${deployment}/skus/Default`, typedAs('onlineEndpoints/deployments/skus'), {
        resourceType: typedAs('onlineEndpoints/deployments'),
        sku: { name: 'Default', tier: 'Standard' },
        capacity: { minimum: 1, default: 1, maximum: 50, scaleType: 'Manual' },
      }),
    ],
  },
  {
    type: typed('privateLinkResources'),
    list: (scope) => [
      implicitResource(
        `${scope}/privateLinkResources/amlworkspace`,
        typedAs('privateLinkResources'),
        {
          properties: {
            groupId: 'amlworkspace',
            requiredMembers: ['default', 'notebook', 'inference'],
            requiredZoneNames: [
              'privatelink.api.azureml.ms',
              'privatelink.notebooks.azure.net',
              'inference.ml.azure.com',
            ],
          },
        },
      ),
    ],
  },
]

const typedAs = (kind: string) => `${workspaceType}/${kind}`
const typed = (kind: string) => typedAs(kind).toLowerCase()
