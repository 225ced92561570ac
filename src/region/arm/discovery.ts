import type { FastifyInstance } from 'fastify'
import type { RegionContext } from '../context.ts'

/** What `properties.discoveryUrl` answers: every service of the data plane has the same base. */
export function registerDiscovery(app: FastifyInstance, region: RegionContext): void {
  const services = ['api', 'history', 'experimentation', 'mlflow', 'metric', 'artifact', 'jobs']
  const document = Object.fromEntries(services.map((service) => [service, region.origin]))
  app.get('/discovery', { config: { access: 'public' } }, async () => document)
  app.get('/metadata/endpoints', { config: { access: 'public' } }, async (request) => {
    const authority = authorityFor(request.headers.host, region.origin)
    return [
      {
        name: 'Local',
        // Python's client makes the audience of scoring out of this: `https://ml.azure.{the rest}`.
        portal: 'https://portal.azure.localhost/',
        resourceManager: region.origin,
        authentication: {
          loginEndpoint: authority,
          audiences: [region.origin, 'https://management.azure.com'],
          tenant: region.authority.tenantId,
          identityProvider: 'AAD',
        },
        suffixes: {
          storage: `core.localhost:${new URL(region.storageOrigin).port}`,
          keyVaultDns: `vault.localhost:${new URL(region.origin).port}`,
        },
      },
    ]
  })
}

/**
 * Who asks by the loopback address gets it back: Azure's plugin for MLflow cuts the scheme off the
 * authority, and what is left of `https://localhost:1234` reads as an address with scheme `localhost`.
 */
function authorityFor(host: string | undefined, origin: string): string {
  return host?.startsWith('127.0.0.1:') ? `https://${host}` : origin
}
