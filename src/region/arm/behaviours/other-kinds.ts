import { AzureError, type KindBehaviour } from '../../context.ts'
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
  unsupportedList('featuresets/versions/features', 'the features of a feature set'),
  unsupportedList('features', 'the features of a workspace'),
  unsupportedList('outboundNetworkDependenciesEndpoints', 'outbound dependencies'),
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

/** An empty list would be an answer; this is none. */
function unsupportedList(kind: string, what: string): KindBehaviour {
  return {
    type: typed(kind),
    list: () => {
      throw new AzureError(501, 'NotImplemented', `The local region does not know ${what}.`)
    },
  }
}
