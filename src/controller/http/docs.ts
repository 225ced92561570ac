import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'

/**
 * The API to be browsed, from its own description. Only what reads can be tried out: a failover is
 * not to be had by a click on an example, without the phrase that the console asks for.
 */
export async function registerDocs(app: FastifyInstance): Promise<void> {
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    theme: { title: 'Holdfast API' },
    uiConfig: {
      // Without the bar that loads the description of anything else.
      layout: 'BaseLayout',
      docExpansion: 'none',
      filter: true,
      supportedSubmitMethods: ['get'],
      // The tokens of people belong into no storage of their browser.
      persistAuthorization: false,
    },
  })
}
