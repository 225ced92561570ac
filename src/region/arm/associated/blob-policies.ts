import type { BlobPolicies, ServicePolicies } from '../../blob/service-policies.ts'
import { storageError } from '../../blob/storage-error.ts'
import type { ArmResource, Caller, ResourceStore } from '../../context.ts'
import { asRecord, type Document } from '../document.ts'
import { blobServiceDefaults } from './storage-services.ts'

const account = 'Microsoft.Storage/storageAccounts'
const service = `${account}/blobServices`

/** The settings of each account's Blob service are those of its resource `blobServices/default`. */
export function armPolicies(
  resources: ResourceStore,
  actor: Pick<Caller, 'tenantId'>,
): ServicePolicies {
  const serviceOf = (name: string): ArmResource | undefined => {
    const end = `/storageaccounts/${name}/blobservices/default`
    return resources
      .list('/subscriptions', service)
      .find((one) => one.id.toLowerCase().endsWith(end))
  }
  return {
    of: (name) => policiesOf(asRecord(serviceOf(name)?.body.properties)),

    setDeleteRetention(name, { days, allowPermanentDelete }) {
      const existing = serviceOf(name)
      const owner = resources
        .list('/subscriptions', account)
        .find((one) => one.name.toLowerCase() === name)
      if (owner === undefined) throw storageError('AccountNotFound')
      const enabled = days !== undefined
      const deleteRetentionPolicy = { enabled, allowPermanentDelete, ...(enabled ? { days } : {}) }
      const properties = {
        ...blobServiceDefaults,
        ...asRecord(existing?.body.properties),
        deleteRetentionPolicy,
      }
      const body = { ...existing?.body, properties }
      const caller = { ...actor, objectId: name, displayName: 'Blob service' }
      resources.put(`${owner.id}/blobServices/default`, service, { body }, caller)
    },
  }
}

function policiesOf(properties: Document): BlobPolicies {
  const retention = asRecord(properties.deleteRetentionPolicy)
  return {
    isVersioningEnabled: properties.isVersioningEnabled === true,
    deleteRetentionDays: daysOf(retention),
    containerRetentionDays: daysOf(asRecord(properties.containerDeleteRetentionPolicy)),
    allowPermanentDelete: retention.allowPermanentDelete === true,
  }
}

function daysOf({ enabled, days }: Document): number | undefined {
  return enabled === true && typeof days === 'number' ? days : undefined
}
