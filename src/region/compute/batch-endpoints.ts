import { asRecord } from '../arm/document.ts'
import type { KindBehaviour, RegionContext } from '../context.ts'
import { keyActions, keysFor } from './endpoint-keys.ts'
import { workspaceGuid } from './online-endpoints.ts'

const endpointType = 'Microsoft.MachineLearningServices/workspaces/batchEndpoints'

/** Batch endpoints are stored with their keys; invoking one answers 501 (`scoring-routes.ts`). */
export function batchBehaviours(region: RegionContext): KindBehaviour[] {
  return [
    {
      type: endpointType,
      lro: 'endpoint',
      beforePut: (request) => {
        const { body, secrets } = keysFor(request)
        const base = `${region.origin}/inference/${workspaceGuid(region, request.id)}/${request.id.split('/').at(-1)}`
        return {
          body: {
            ...body,
            location: body.location ?? region.name,
            properties: {
              authMode: 'AADToken',
              properties: {},
              ...asRecord(body.properties),
              scoringUri: `${base}/jobs`,
              swaggerUri: `${base}/swagger.json`,
            },
          },
          secrets: { ...secrets },
        }
      },
      actions: keyActions(region, endpointType),
    },
    {
      type: `${endpointType}/deployments`,
      lro: 'endpoint',
      beforePut: ({ body }) => ({
        body: {
          ...body,
          location: body.location ?? region.name,
          properties: { properties: {}, ...asRecord(body.properties) },
        },
      }),
    },
  ]
}
