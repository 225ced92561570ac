import { asRecord, asText, type Document } from '../arm/document.ts'
import { type ArmResource, AzureError, type KindBehaviour, type RegionContext } from '../context.ts'

export const computeType = 'Microsoft.MachineLearningServices/workspaces/computes'

/** Computes are stored with the states Azure shows; jobs of a local region run on the machine itself. */
export function computeBehaviour(region: RegionContext): KindBehaviour {
  const setState = (state: string) => async (resource: ArmResource) => {
    if (asRecord(resource.body.properties).computeType !== 'ComputeInstance') {
      throw new AzureError(
        400,
        'UserError',
        'Only a compute instance can be started, stopped and restarted.',
      )
    }
    region.resources.amend(resource.id, (body) => {
      const properties = asRecord(body.properties)
      return {
        ...body,
        properties: { ...properties, properties: { ...asRecord(properties.properties), state } },
      }
    })
    return { status: 202 }
  }
  return {
    type: computeType,
    lro: 'compute',
    beforePut: ({ body, existing }) => {
      const { properties, secrets } = withoutPasswords(asRecord(body.properties))
      const type = asText(properties.computeType)
      if (type === undefined)
        throw new AzureError(400, 'UserError', 'A compute needs properties.computeType.')
      const before = asRecord(existing?.body.properties)
      const made = {
        computeLocation: asText(properties.computeLocation) ?? asText(body.location) ?? region.name,
        createdOn: before.createdOn ?? region.clock().toISOString(),
        modifiedOn: region.clock().toISOString(),
        provisioningErrors: null,
        isAttachedCompute: !['AmlCompute', 'ComputeInstance'].includes(type),
      }
      const inner = {
        ...asRecord(properties.properties),
        ...serviceState(type, asRecord(before.properties)),
      }
      const kept = Object.keys(secrets).length > 0 ? { secrets } : {}
      return {
        body: {
          ...body,
          location: body.location ?? region.name,
          properties: { ...properties, ...made, properties: inner },
        },
        ...kept,
      }
    },
    actions: {
      start: setState('Running'),
      stop: setState('Stopped'),
      restart: setState('Running'),
      listnodes: async () => ({ status: 200, body: { nodes: [] } }),
      listkeys: async (resource) => ({
        status: 200,
        body: { computeType: asRecord(resource.body.properties).computeType, ...resource.secrets },
      }),
    },
  }
}

function serviceState(type: string, before: Document): Document {
  if (type === 'AmlCompute')
    return {
      allocationState: 'Steady',
      allocationStateTransitionTime: before.allocationStateTransitionTime ?? null,
      errors: null,
      currentNodeCount: 0,
      targetNodeCount: 0,
      nodeStateCounts: {
        idleNodeCount: 0,
        runningNodeCount: 0,
        preparingNodeCount: 0,
        unusableNodeCount: 0,
        leavingNodeCount: 0,
        preemptedNodeCount: 0,
      },
    }
  if (type === 'ComputeInstance') return { state: before.state ?? 'Running' }
  return {}
}

/** Passwords are write-only: they are kept apart and never returned. */
function withoutPasswords(properties: Document): { properties: Document; secrets: Document } {
  const inner = asRecord(properties.properties)
  const secrets: Document = {}
  const cleaned: Document = { ...inner }
  for (const field of ['userAccountCredentials', 'administratorAccount'] as const) {
    const account = asRecord(inner[field])
    if (Object.keys(account).length === 0) continue
    const open: Document = {}
    for (const [key, value] of Object.entries(account)) {
      if (/password|privateKey/i.test(key)) secrets[`${field}.${key}`] = value
      else open[key] = value
    }
    cleaned[field] = open
  }
  return { properties: { ...properties, properties: cleaned }, secrets }
}
