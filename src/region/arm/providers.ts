import type { FastifyInstance } from 'fastify'
import azureRegions from '../../facts/azure-regions.json' with { type: 'json' }
import resourceFacts from '../../facts/azureml-resources.json' with { type: 'json' }
import { AzureError } from '../context.ts'
import { canonicalType, knownNamespaces } from './arm-path.ts'
import type { BehaviourRegistry } from './behaviour-registry.ts'

const locations = azureRegions.regions
  .filter((region) => region.cloud === 'public')
  .map((region) => region.displayName)

/** Resource providers: which types there are, and where; all are registered in every subscription. */
export function registerProviders(app: FastifyInstance, behaviours: BehaviourRegistry): void {
  const base = '/subscriptions/:subscription/providers'
  app.get(base, async (request) => {
    const { subscription } = request.params as { subscription: string }
    return { value: knownNamespaces().map((namespace) => shown(subscription, namespace)) }
  })
  app.get(`${base}/:namespace`, async (request) => one(request.params))
  app.post(`${base}/:namespace/register`, async (request) => one(request.params))

  function one(params: unknown) {
    const { subscription = '', namespace = '' } = params as Record<string, string>
    const known = knownNamespaces().find((name) => name.toLowerCase() === namespace.toLowerCase())
    if (known !== undefined) return shown(subscription, known)
    throw new AzureError(
      404,
      'InvalidResourceNamespace',
      `The resource namespace '${namespace}' is invalid.`,
    )
  }

  function shown(subscription: string, namespace: string) {
    return {
      id: `/subscriptions/${subscription}/providers/${namespace}`,
      namespace,
      registrationState: 'Registered',
      registrationPolicy: 'RegistrationRequired',
      resourceTypes: typesOf(namespace).map((resourceType) => ({
        resourceType,
        locations,
        apiVersions: resourceFacts.apiVersions.stable,
      })),
    }
  }

  function typesOf(namespace: string): string[] {
    const known = [...resourceFacts.resources.map(({ type }) => type), ...behaviours.types()]
    const own = known
      .map((type) => canonicalType(type.split(' ')[0] ?? type))
      .filter((type) => type.startsWith(`${namespace}/`))
      .map((type) => type.slice(namespace.length + 1))
    return [...new Set(own)]
  }
}
