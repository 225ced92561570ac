import {
  type ArmResource,
  AzureError,
  type KindBehaviour,
  type PutRequest,
  type RegionContext,
  type SoftDelete,
} from '../../context.ts'
import type { RecycleBin } from '../../store/recycle-bin.ts'
import { idKey } from '../arm-path.ts'
import { asRecord, type Document } from '../document.ts'

export const vaultType = 'Microsoft.KeyVault/vaults'
const retentionDays = 90

export function vaultDocument(body: Document, tenantId: string): Document {
  return {
    tags: {},
    ...body,
    properties: {
      sku: { family: 'A', name: 'standard' },
      tenantId,
      enableRbacAuthorization: true,
      enableSoftDelete: true,
      softDeleteRetentionInDays: retentionDays,
      provisioningState: 'Succeeded',
      ...asRecord(body.properties),
    },
  }
}

/** The ARM side of a vault; its secrets are served by `vault/`. */
export function keyVaultBehaviour(
  region: RegionContext,
  bin: RecycleBin,
  forgetSecrets: (vault: string) => void,
): KindBehaviour {
  return {
    type: vaultType.toLowerCase(),
    beforePut(request) {
      checkName(region, bin, request)
      const { createMode, ...properties } = asRecord(request.body.properties)
      if (createMode === 'recover' && !request.existing)
        throw new AzureError(
          404,
          'SoftDeletedVaultDoesNotExist',
          `A soft deleted vault with the given name does not exist. Ensure that the name for the vault that is being attempted to recover is in a recoverable state.`,
        )
      checkRetention(properties, asRecord(request.existing?.body.properties))
      const body = { location: region.name, ...request.body, properties }
      return { body: vaultDocument(body, region.authority.tenantId) }
    },
    present: (vault) => ({
      properties: { vaultUri: `${region.origin}/vault/${vault.name.toLowerCase()}/` },
    }),
    softDelete: vaultSoftDelete(forgetSecrets),
  }
}

function vaultSoftDelete(forgetSecrets: (vault: string) => void): SoftDelete {
  return {
    retentionDays(vault: ArmResource) {
      const { enableSoftDelete, softDeleteRetentionInDays } = asRecord(vault.body.properties)
      return enableSoftDelete === false ? undefined : Number(softDeleteRetentionInDays)
    },
    isPurge: () => false,
    isHardDeleted: () => false,
    recovery(body) {
      const { createMode, ...properties } = asRecord(body.properties)
      return createMode === 'recover' ? { ...body, properties } : undefined
    },
    blocked: deletedNamesake,
    purge: async ({ name }) => forgetSecrets(name.toLowerCase()),
  }
}

/** Vault names are one namespace for everybody, deleted vaults included. */
function checkName(region: RegionContext, bin: RecycleBin, { id, existing }: PutRequest): void {
  if (existing) return
  const name = id.slice(id.lastIndexOf('/') + 1)
  if (!/^[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9]$/.test(name) || name.includes('--'))
    throw new AzureError(
      400,
      'VaultNameNotValid',
      `The vault name '${name}' is invalid. A vault's name must be between 3-24 alphanumeric characters. The name must begin with a letter, end with a letter or digit, and not contain consecutive hyphens.`,
    )
  const isNamesake = (other: { id: string; name: string }) =>
    other.name.toLowerCase() === name.toLowerCase() && idKey(other.id) !== idKey(id)
  if (bin.list(vaultType).some(isNamesake)) throw deletedNamesake()
  if (region.resources.list('', vaultType).some(isNamesake))
    throw new AzureError(
      409,
      'VaultAlreadyExists',
      `The vault name '${name}' is already in use. Vault names are globally unique so it is possible that the name is already taken.`,
    )
}

const deletedNamesake = () =>
  new AzureError(
    409,
    'ConflictError',
    'A vault with the same name already exists in deleted state. You need to either recover or purge existing key vault. Follow this link https://go.microsoft.com/fwlink/?linkid=2149745 for more information on soft delete.',
  )

/** Soft delete and purge protection go one way, and the days of retention stand from the first. */
function checkRetention(written: Document, before: Document): void {
  for (const field of ['enableSoftDelete', 'enablePurgeProtection'])
    if (before[field] === true && written[field] === false)
      throw new AzureError(
        400,
        'BadRequest',
        `The property "${field}" cannot be set to false. It is an irreversible action.`,
      )
  const days = written.softDeleteRetentionInDays
  if (days === undefined) return
  if (!Number.isInteger(days) || Number(days) < 7 || Number(days) > 90)
    throw new AzureError(
      400,
      'BadRequest',
      'The property "softDeleteRetentionInDays" must be a value between 7 and 90.',
    )
  if (before.softDeleteRetentionInDays !== undefined && before.softDeleteRetentionInDays !== days)
    throw new AzureError(
      400,
      'BadRequest',
      'The property "softDeleteRetentionInDays" has been set already and it can\'t be modified.',
    )
}
