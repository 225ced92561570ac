import type { ArmResource, KindBehaviour, RegionContext } from '../../context.ts'
import { asRecord, asText, type Document } from '../document.ts'
import { changeProperties } from './change-properties.ts'
import { madeId } from './made-id.ts'

/**
 * Kinds beside the workspace that readiness rules ask about and a local region does not run: each is
 * stored as written, with the fields Azure fills in. What needs more than a row is a file of its own.
 */
interface AssociatedKind {
  readonly type: string
  readonly lro?: KindBehaviour['lro']
  /** Of `properties`, when the writer leaves them out. */
  readonly defaults?: Document
  /** Service-made properties, from the resource as it is. */
  readonly made?: (resource: ArmResource, properties: Document) => Document
  /** Actions that set properties, by lower-case name. */
  readonly sets?: Readonly<Record<string, Document>>
}

const kinds: readonly AssociatedKind[] = [
  {
    type: 'Microsoft.Insights/components',
    defaults: {
      Application_Type: 'web',
      RetentionInDays: 90,
      publicNetworkAccessForQuery: 'Enabled',
    },
    made: ({ id, body }, { WorkspaceResourceId }) => ({
      AppId: madeId(id, 'app'),
      InstrumentationKey: madeId(id, 'key'),
      ConnectionString: `InstrumentationKey=${madeId(id, 'key')};IngestionEndpoint=https://${String(body.location)}.in.applicationinsights.azure.com/`,
      IngestionMode:
        asText(WorkspaceResourceId) === undefined ? 'ApplicationInsights' : 'LogAnalytics',
    }),
  },
  {
    type: 'Microsoft.ContainerService/managedClusters',
    lro: 'endpoint',
    defaults: { kubernetesVersion: '1.32', enableRBAC: true },
    made: ({ name, body }, { kubernetesVersion, dnsPrefix, powerState }) => ({
      currentKubernetesVersion: kubernetesVersion,
      fqdn: `${asText(dnsPrefix) ?? name}.hcp.${String(body.location)}.azmk8s.io`,
      powerState: powerState ?? { code: 'Running' },
    }),
    sets: {
      start: { powerState: { code: 'Running' } },
      stop: { powerState: { code: 'Stopped' } },
    },
  },
  {
    type: 'Microsoft.Databricks/workspaces',
    lro: 'endpoint',
    made: ({ id, body }) => {
      const number = Number.parseInt(madeId(id, 'workspace').slice(0, 8), 16)
      const host = `adb-${number}.${number % 20}.azuredatabricks.net`
      return { workspaceId: String(number), workspaceUrl: host, location: body.location }
    },
  },
  {
    type: 'Microsoft.HDInsight/clusters',
    lro: 'endpoint',
    made: ({ systemData }) => ({ clusterState: 'Running', createdDate: systemData.createdAt }),
  },
  {
    type: 'Microsoft.ContainerInstance/containerGroups',
    lro: 'endpoint',
    defaults: { osType: 'Linux', restartPolicy: 'Always' },
    made: (_resource, { instanceView }) => ({
      instanceView: { events: [], state: 'Running', ...asRecord(instanceView) },
    }),
    sets: {
      start: { instanceView: { state: 'Running' } },
      restart: { instanceView: { state: 'Running' } },
      stop: { instanceView: { state: 'Stopped' } },
    },
  },
  {
    type: 'Microsoft.Network/networkSecurityGroups',
    lro: 'endpoint',
    defaults: { securityRules: [] },
    made: ({ id }) => ({ resourceGuid: madeId(id, 'guid') }),
  },
  {
    type: 'Microsoft.Network/privateDnsZones',
    lro: 'endpoint',
    made: () => ({ maxNumberOfRecordSets: 25_000 }),
  },
  {
    type: 'Microsoft.Network/privateDnsZones/virtualNetworkLinks',
    lro: 'endpoint',
    defaults: { registrationEnabled: false },
    made: () => ({ virtualNetworkLinkState: 'Completed' }),
  },
  {
    type: 'Microsoft.Network/privateDnsZones/A',
    made: ({ name, id }) => ({ fqdn: `${name}.${id.split('/').at(-3)}.` }),
  },
  {
    type: 'Microsoft.Storage/storageAccounts/objectReplicationPolicies',
    defaults: { rules: [] },
    made: ({ id, name, systemData }) => ({
      policyId: name === 'default' ? madeId(id, 'policy') : name,
      enabledTime: systemData.createdAt,
    }),
  },
  {
    type: 'Microsoft.ManagedIdentity/userAssignedIdentities',
    made: ({ id }) => ({ principalId: madeId(id, 'principal'), clientId: madeId(id, 'client') }),
  },
]

export function associatedBehaviours(region: RegionContext): KindBehaviour[] {
  return kinds.map((kind) => associatedBehaviour(region, kind))
}

function associatedBehaviour(region: RegionContext, kind: AssociatedKind): KindBehaviour {
  const { type, lro, defaults = {}, made, sets = {} } = kind
  return {
    type: type.toLowerCase(),
    ...(lro && { lro }),
    beforePut: ({ body }) => ({
      body: {
        location: region.name,
        tags: {},
        ...body,
        properties: { ...defaults, ...asRecord(body.properties) },
      },
    }),
    present: (resource) => {
      const properties = asRecord(resource.body.properties)
      return {
        properties: {
          provisioningState: properties.provisioningState ?? 'Succeeded',
          ...made?.(resource, properties),
        },
      }
    },
    actions: Object.fromEntries(
      Object.entries(sets).map(([name, change]) => [
        name,
        async (resource: ArmResource) => {
          changeProperties(region, resource.id, change)
          return { status: 202 }
        },
      ]),
    ),
  }
}
