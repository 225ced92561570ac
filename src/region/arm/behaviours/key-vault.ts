import type { KindBehaviour, RegionContext } from '../../context.ts'
import { asRecord, type Document } from '../document.ts'

export const vaultType = 'Microsoft.KeyVault/vaults'

export function vaultDocument(body: Document, tenantId: string): Document {
  return {
    tags: {},
    ...body,
    properties: {
      sku: { family: 'A', name: 'standard' },
      tenantId,
      enableRbacAuthorization: true,
      enableSoftDelete: true,
      softDeleteRetentionInDays: 90,
      provisioningState: 'Succeeded',
      ...asRecord(body.properties),
    },
  }
}

/** The ARM side of a vault; its secrets are served by `vault/`. */
export function keyVaultBehaviour(region: RegionContext): KindBehaviour {
  return {
    type: vaultType.toLowerCase(),
    beforePut: ({ body }) => ({
      body: vaultDocument({ location: region.name, ...body }, region.authority.tenantId),
    }),
    present: (vault) => ({
      properties: { vaultUri: `${region.origin}/vault/${vault.name.toLowerCase()}/` },
    }),
  }
}
