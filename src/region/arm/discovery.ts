import type { FastifyInstance } from 'fastify'
import type { RegionContext } from '../context.ts'

/** What `properties.discoveryUrl` answers: every service of the data plane has the same base. */
export function registerDiscovery(app: FastifyInstance, region: RegionContext): void {
  const services = ['api', 'history', 'experimentation', 'mlflow', 'metric', 'artifact', 'jobs']
  const document = Object.fromEntries(services.map((service) => [service, region.origin]))
  app.get('/discovery', { config: { access: 'public' } }, async () => document)
  app.get('/metadata/endpoints', { config: { access: 'public' } }, async () => [
    {
      name: 'Local',
      // Python's client makes the audience of scoring out of this: `https://ml.azure.{the rest}`.
      portal: 'https://portal.azure.localhost/',
      resourceManager: region.origin,
      authentication: {
        loginEndpoint: region.origin,
        audiences: [region.origin, 'https://management.azure.com'],
        tenant: region.authority.tenantId,
        identityProvider: 'AAD',
      },
      suffixes: {
        storage: `core.localhost:${new URL(region.storageOrigin).port}`,
        keyVaultDns: `vault.localhost:${new URL(region.origin).port}`,
      },
    },
  ])
}
