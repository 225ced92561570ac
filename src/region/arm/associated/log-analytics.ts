import {
  type ActionAnswer,
  type ArmResource,
  AzureError,
  type KindBehaviour,
  type RegionContext,
} from '../../context.ts'
import { asRecord, asText } from '../document.ts'
import { changeProperties } from './change-properties.ts'
import { madeId } from './made-id.ts'

export const logAnalyticsType = 'Microsoft.OperationalInsights/workspaces'

/** Log Analytics workspaces with their replication, failover and soft delete of 14 days. */
export function logAnalyticsBehaviours(region: RegionContext): KindBehaviour[] {
  return [workspaceBehaviour(region), failoverBehaviour(region)]
}

function workspaceBehaviour(region: RegionContext): KindBehaviour {
  return {
    type: logAnalyticsType.toLowerCase(),
    lro: 'endpoint',
    beforePut({ body, existing }) {
      const before = asRecord(existing?.body.properties)
      const written = asRecord(body.properties)
      const properties = {
        sku: { name: 'PerGB2018' },
        retentionInDays: 30,
        ...written,
        ...(written.replication !== undefined && {
          replication: { ...asRecord(written.replication), provisioningState: 'Succeeded' },
        }),
        failover: before.failover ?? { state: 'Inactive' },
      }
      return { body: { location: region.name, tags: {}, ...body, properties } }
    },
    present: ({ id, systemData }) => ({
      properties: {
        customerId: madeId(id, 'customer'),
        createdDate: systemData.createdAt,
        modifiedDate: systemData.lastModifiedAt,
      },
    }),
    actions: {
      failback: async (workspace) => changeState(region, workspace, 'Active', 'Inactive'),
    },
    softDelete: {
      retentionDays: () => 14,
      isPurge: ({ force }) => force?.toLowerCase() === 'true',
      isHardDeleted: () => false,
      // Creating a deleted workspace again is how Azure brings it back.
      recovery: (body) => body,
      blocked: () => new AzureError(409, 'Conflict', 'The workspace is deleted.'),
      purge: async () => undefined,
    },
  }
}

/** Azure asks for the failover at the place it goes to: `…/locations/{location}/workspaces/{name}`. */
function failoverBehaviour(region: RegionContext): KindBehaviour {
  return {
    type: 'microsoft.operationalinsights/locations/workspaces',
    earlyActions: {
      failover: async (id) => {
        const [, group, location = '', name] =
          /^(.+)\/providers\/[^/]+\/locations\/([^/]+)\/workspaces\/([^/]+)$/i.exec(id) ?? []
        const workspace = region.resources.get(`${group}/providers/${logAnalyticsType}/${name}`)
        if (!workspace)
          throw new AzureError(404, 'ResourceNotFound', `There is no workspace '${name}'.`)
        const replication = asRecord(asRecord(workspace.body.properties).replication)
        if (replication.enabled !== true || asText(replication.location) !== location)
          throw new AzureError(
            400,
            'WorkspaceReplicationNotEnabled',
            `The workspace '${name}' is not replicated to ${location}.`,
          )
        return changeState(region, workspace, 'Inactive', 'Active')
      },
    },
  }
}

function changeState(
  region: RegionContext,
  workspace: ArmResource,
  from: string,
  to: string,
): ActionAnswer {
  const { state } = asRecord(asRecord(workspace.body.properties).failover)
  if (state !== from)
    throw new AzureError(
      409,
      'Conflict',
      `The failover of the workspace '${workspace.name}' is ${String(state)} already.`,
    )
  changeProperties(region, workspace.id, {
    failover: { state: to, lastModifiedDate: region.clock().toISOString() },
  })
  return { status: 202 }
}
