import type { FastifyInstance } from 'fastify'
import { AzureError } from '../context.ts'
import type { BinnedResource, RecycleBin } from '../store/recycle-bin.ts'
import type { ArmService } from './arm-service.ts'
import { logAnalyticsType } from './associated/log-analytics.ts'
import { vaultType } from './behaviours/key-vault.ts'
import { workspaceType } from './behaviours/workspace.ts'
import { asRecord } from './document.ts'

type Params = Record<string, string>

/**
 * What was soft-deleted. Key Vault's lists are Azure's own; Azure offers no list of deleted
 * workspaces outside its portal, so `deletedWorkspaces` is an extension of local regions.
 */
export function registerDeleted(
  app: FastifyInstance,
  { bin, service }: { readonly bin: RecycleBin; readonly service: ArmService },
): void {
  const inSubscription = (type: string, { subscription = '' }: Params) =>
    bin
      .list(type)
      .filter(({ id }) => id.split('/')[2]?.toLowerCase() === subscription.toLowerCase())

  const provider = '/subscriptions/:subscription/providers'
  app.get(`${provider}/Microsoft.MachineLearningServices/deletedWorkspaces`, async (request) => ({
    value: inSubscription(workspaceType, request.params as Params).map(deletedWorkspace),
  }))

  app.get(`${provider}/Microsoft.KeyVault/deletedVaults`, async (request) => ({
    value: inSubscription(vaultType, request.params as Params).map(deletedVault),
  }))

  app.get(`${provider}/Microsoft.OperationalInsights/deletedWorkspaces`, async (request) => ({
    value: inSubscription(logAnalyticsType, request.params as Params).map(withoutTimes),
  }))

  const one = `${provider}/Microsoft.KeyVault/locations/:location/deletedVaults/:vault`
  const find = (params: Params) => {
    const found = inSubscription(vaultType, params).find(
      ({ name }) => name.toLowerCase() === params.vault?.toLowerCase(),
    )
    if (found) return found
    throw new AzureError(
      404,
      'DeletedVaultNotFound',
      `The specified deleted vault '${params.vault}' does not exist.`,
    )
  }
  app.get(one, async (request) => deletedVault(find(request.params as Params)))
  app.post(`${one}/purge`, async (request, reply) => {
    const vault = find(request.params as Params)
    if (asRecord(vault.body.properties).enablePurgeProtection === true)
      throw new AzureError(
        403,
        'MethodNotAllowed',
        `The vault '${vault.name}' has purge protection and is purged at ${vault.purgeAt.toISOString()}.`,
      )
    await service.purge(vault.id)
    return reply.code(200).send()
  })
}

const withoutTimes = ({ id, name, type, body }: BinnedResource) => ({ id, name, type, ...body })

function deletedWorkspace({ id, name, type, body, deletedAt, purgeAt }: BinnedResource) {
  const { location, tags, kind, properties } = body
  return {
    id,
    name,
    type,
    location,
    tags,
    kind,
    properties: {
      ...asRecord(properties),
      provisioningState: 'SoftDeleted',
      softDeletedAt: deletedAt.toISOString(),
      scheduledPurgeDate: purgeAt.toISOString(),
    },
  }
}

function deletedVault({ id, name, body, deletedAt, purgeAt }: BinnedResource) {
  const subscription = id.split('/')[2]
  const { location, tags, properties } = body
  const { enablePurgeProtection } = asRecord(properties)
  return {
    id: `/subscriptions/${subscription}/providers/Microsoft.KeyVault/locations/${location}/deletedVaults/${name}`,
    name,
    type: 'Microsoft.KeyVault/deletedVaults',
    properties: {
      vaultId: id,
      location,
      tags,
      deletionDate: deletedAt.toISOString(),
      scheduledPurgeDate: purgeAt.toISOString(),
      ...(enablePurgeProtection === true && { purgeProtectionEnabled: true }),
    },
  }
}
