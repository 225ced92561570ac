import { asRecord, asText } from '../arm/document.ts'
import { AzureError, type KindBehaviour, type RegionContext } from '../context.ts'
import { keyActions, keysFor } from './endpoint-keys.ts'
import { workspaceGuid } from './online-endpoints.ts'

const type = 'Microsoft.MachineLearningServices/workspaces/serverlessEndpoints'

/**
 * Serverless endpoints serve models of Azure's catalogue, which a local region does not have: they
 * are stored with their keys, and are suspended rather than said to answer.
 */
export function serverlessBehaviour(region: RegionContext): KindBehaviour {
  return {
    type: type.toLowerCase(),
    lro: 'endpoint',
    beforePut: (request) => {
      const { body, secrets } = keysFor(request)
      const properties = asRecord(body.properties)
      if (asText(asRecord(properties.modelSettings).modelId) === undefined)
        throw new AzureError(400, 'UserError', 'A serverless endpoint needs modelSettings.modelId.')
      const name = request.id.split('/').at(-1)
      const uri = `${region.origin}/inference/${workspaceGuid(region, request.id)}/${name}`
      return {
        body: {
          ...body,
          location: body.location ?? region.name,
          properties: {
            authMode: 'Key',
            ...properties,
            inferenceEndpoint: { uri },
            endpointState: 'Suspended',
          },
        },
        secrets: { ...secrets },
      }
    },
    actions: keyActions(region, type),
  }
}
