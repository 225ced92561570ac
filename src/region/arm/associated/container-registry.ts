import { AzureError, type KindBehaviour, type RegionContext } from '../../context.ts'
import {
  adminPasswords,
  loginServerOf,
  containerRegistryType as type,
} from '../../images/registry-address.ts'
import { parentId } from '../arm-path.ts'
import { asRecord, asText } from '../document.ts'
import { changeProperties } from './change-properties.ts'
import { regionName } from './regions.ts'

/** Container registries and their replications; their images are in `images/`. */
export function containerRegistryBehaviours(
  region: RegionContext,
  forgetImages: (registry: string) => void,
): KindBehaviour[] {
  return [registryBehaviour(region, forgetImages), replicationBehaviour(region)]
}

function registryBehaviour(
  region: RegionContext,
  forgetImages: (registry: string) => void,
): KindBehaviour {
  const requireUser = (properties: Record<string, unknown>) => {
    if (properties.adminUserEnabled !== true)
      throw new AzureError(
        400,
        'UnAuthorizedForCredentialOperations',
        'The admin user of this registry is disabled.',
      )
  }
  return {
    type: type.toLowerCase(),
    lro: 'endpoint',
    beforePut({ id, body, existing }) {
      const name = id.slice(id.lastIndexOf('/') + 1)
      if (!/^[a-zA-Z0-9]{5,50}$/.test(name))
        throw new AzureError(
          400,
          'InvalidResourceName',
          `The registry name '${name}' must have 5 to 50 letters and digits.`,
        )
      const sku = asText(asRecord(body.sku).name)
      if (sku === undefined)
        throw new AzureError(400, 'InvalidRequestContent', 'A registry needs sku.name.')
      const replications = region.resources.list(id, `${type}/replications`)
      if (existing && sku !== 'Premium' && replications.length > 0)
        throw new AzureError(
          400,
          'InvalidSkuForReplications',
          'A registry with replications stays in the Premium tier.',
        )
      const properties = {
        adminUserEnabled: false,
        publicNetworkAccess: 'Enabled',
        zoneRedundancy: 'Disabled',
        policies: {},
        ...asRecord(body.properties),
      }
      const document = { location: region.name, tags: {}, ...body, sku: { name: sku, tier: sku } }
      return { body: { ...document, properties } }
    },
    present: ({ name, systemData }) => ({
      properties: {
        loginServer: loginServerOf(name, region.origin),
        creationDate: systemData.createdAt,
      },
    }),
    afterDelete: async ({ name }) => forgetImages(name.toLowerCase()),
    actions: {
      listcredentials: async (registry) => {
        const { name, body } = registry
        requireUser(asRecord(body.properties))
        const [first, second] = adminPasswords(registry)
        const passwords = [
          { name: 'password', value: first },
          { name: 'password2', value: second },
        ]
        return { status: 200, body: { username: name, passwords } }
      },
    },
  }
}

function replicationBehaviour(region: RegionContext): KindBehaviour {
  return {
    type: `${type}/replications`.toLowerCase(),
    lro: 'endpoint',
    beforePut({ id, body }) {
      const registry = region.resources.get(parentId(id))
      if (asRecord(registry?.body.sku).name !== 'Premium')
        throw new AzureError(
          400,
          'InvalidSkuForReplications',
          'Replications need a registry in the Premium tier.',
        )
      if (asText(body.location) === undefined)
        throw new AzureError(400, 'LocationRequired', 'A replication needs a location.')
      const isHome =
        regionName(String(registry?.body.location)) === regionName(String(body.location))
      if (isHome)
        throw new AzureError(
          409,
          'RegistryLocationConflict',
          'A replication lies in another region than its registry.',
        )
      const properties = {
        regionEndpointEnabled: true,
        zoneRedundancy: 'Disabled',
        ...asRecord(body.properties),
      }
      return { body: { tags: {}, ...body, properties } }
    },
    afterPut: async ({ id }) => {
      const status = { displayStatus: 'Ready', timestamp: region.clock().toISOString() }
      changeProperties(region, id, { status })
    },
  }
}
