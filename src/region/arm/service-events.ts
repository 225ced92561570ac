import type { FastifyInstance } from 'fastify'
import azureRegions from '../../facts/azure-regions.json' with { type: 'json' }
import type { RegionContext } from '../context.ts'
import { type Fault, type FaultService, faultKinds } from '../faults/fault.ts'
import type { FaultGate } from '../faults/fault-gate.ts'

export const resourceHealth = 'Microsoft.ResourceHealth'
/** What Service Health calls the services behind each plane. */
const serviceNames: Readonly<Record<FaultService, string>> = {
  arm: 'Azure Resource Manager',
  data: 'Machine Learning Services',
  blob: 'Storage',
  file: 'Storage',
  scoring: 'Machine Learning Services',
  vault: 'Key Vault',
}

/** The region owns up to the troubles it is in, as Azure does through Service Health. */
export function registerServiceEvents(
  app: FastifyInstance,
  { name }: Pick<RegionContext, 'name'>,
  faults: Pick<FaultGate, 'list'>,
): void {
  const impactedRegion = displayNameOf(name)
  app.get(`/subscriptions/:subscription/providers/${resourceHealth}/events`, async (request) => {
    const { subscription } = request.params as { subscription: string }
    return {
      value: faults
        .list()
        .filter(isTrouble)
        .map((fault) => ({
          id: `/subscriptions/${subscription}/providers/${resourceHealth}/events/${fault.id}`,
          type: `${resourceHealth}/events`,
          name: fault.id,
          properties: eventOf(fault, impactedRegion),
        })),
    }
  })
}

/** A false claim about resources is no trouble of a service. */
export const isTrouble = ({ kind }: Fault): boolean => kind !== 'falseHealth'

function eventOf(fault: Fault, impactedRegion: string): object {
  const { scope, kind, createdAt } = fault
  const service = typeof scope === 'object' && 'service' in scope ? scope.service : 'data'
  const { what } = faultKinds[kind]
  return {
    ...{ eventType: 'ServiceIssue', eventSource: 'ServiceHealth', status: 'Active' },
    ...{ title: `Local region: ${what}`, summary: what, level: 'Critical' },
    ...{ impactStartTime: createdAt, lastUpdateTime: createdAt },
    impact: [
      {
        impactedService: serviceNames[service],
        impactedRegions: [{ impactedRegion, status: 'Active', lastUpdateTime: createdAt }],
      },
    ],
  }
}

const displayNameOf = (name: string): string =>
  azureRegions.regions.find((region) => region.name === name)?.displayName ?? name
