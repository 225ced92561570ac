import type { FastifyInstance } from 'fastify'
import { AzureError, type RegionContext } from '../context.ts'
import { type Fault, type FaultService, faultKinds, hits } from '../faults/fault.ts'
import type { FaultGate } from '../faults/fault-gate.ts'
import type { ArmStore } from '../store/resource-store.ts'
import { isTrouble, resourceHealth } from './service-events.ts'

/** Types that Resource Health speaks of here, with the services behind them. */
const servicesOf: Readonly<Record<string, readonly FaultService[]>> = {
  'microsoft.machinelearningservices/workspaces': ['arm', 'data', 'scoring'],
  'microsoft.storage/storageaccounts': ['blob', 'file'],
  'microsoft.keyvault/vaults': ['vault'],
}
/** Faults with which a service gives no answer at all; with the others it answers badly. */
const silencing: ReadonlySet<Fault['kind']> = new Set(['down', 'pause', 'halfOpen', 'unavailable'])

interface Parts {
  readonly region: Pick<RegionContext, 'clock'>
  readonly store: Pick<ArmStore, 'get'>
  readonly faults: Pick<FaultGate, 'list'>
}

/** `GET {resource}/providers/Microsoft.ResourceHealth/availabilityStatuses/current`. */
export function registerResourceHealth(app: FastifyInstance, parts: Parts): void {
  const resource =
    '/subscriptions/:subscription/resourceGroups/:group/providers/:namespace/:type/:name'
  app.get(
    `${resource}/providers/${resourceHealth}/availabilityStatuses/current`,
    async (request) => {
      const { subscription, group, namespace, type, name } = request.params as Record<
        string,
        string
      >
      const id = `/subscriptions/${subscription}/resourceGroups/${group}/providers/${namespace}/${type}/${name}`
      return statusOf(id, `${namespace}/${type}`.toLowerCase(), parts)
    },
  )
}

function statusOf(id: string, type: string, { region, store, faults }: Parts): object {
  const found = store.get(id)
  if (found === undefined) {
    throw new AzureError(404, 'ResourceNotFound', `The resource '${id}' was not found.`)
  }
  const services = servicesOf[type]
  if (services === undefined) {
    const message = `Resource Health does not speak of resources of the type '${type}'.`
    throw new AzureError(400, 'UnsupportedResourceType', message)
  }
  const all = faults.list()
  const concerning = all.filter((fault) => services.some((service) => hits(fault, id, service)))
  const trouble = concerning.filter(isTrouble)
  const isFalse = concerning.length > trouble.length
  return {
    id: `${id}/providers/${resourceHealth}/availabilityStatuses/current`,
    name: 'current',
    type: `${resourceHealth}/AvailabilityStatuses`,
    location: found.body.location,
    properties: {
      ...(isFalse ? turned(trouble, concerning) : claimOf(trouble)),
      reasonChronicity: 'Persistent',
      reportedTime: region.clock().toISOString(),
    },
  }
}

function claimOf(trouble: readonly Fault[]): object {
  const fault = trouble.find(({ kind }) => silencing.has(kind)) ?? trouble[0]
  if (fault === undefined) {
    return { availabilityState: 'Available', title: 'Available', summary: 'Nothing is wrong.' }
  }
  const state = silencing.has(fault.kind) ? 'Unavailable' : 'Degraded'
  return ill(state, `Local region: ${faultKinds[fault.kind].what}`, fault.createdAt)
}

function turned(trouble: readonly Fault[], concerning: readonly Fault[]): object {
  if (trouble.length > 0) return claimOf([])
  const since = concerning[0]?.createdAt ?? ''
  return ill('Unavailable', 'Local region: it is well, and this is said on purpose.', since)
}

const ill = (availabilityState: string, summary: string, occuredTime: string): object => ({
  ...{ availabilityState, title: availabilityState, summary, occuredTime },
  reasonType: 'Unplanned',
})
