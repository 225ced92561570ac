import { randomUUID } from 'node:crypto'
import type { Server } from 'node:https'
import Fastify, { type FastifyInstance } from 'fastify'
import { AzureError, type RegionLog } from '../context.ts'
import { imageHost } from '../images/registry-address.ts'
import { vaultHost } from '../vault/vault-routes.ts'
import { errorBody, toAzureError } from './azure-answer.ts'
import { refuseDeep } from './json-depth.ts'
import type { Handler } from './listener.ts'

/** ARM's own limit for a request; routes that take more say so with `bodyLimit`. */
const bodyLimitBytes = 4 * 1024 * 1024

/** The service behind Azure Resource Manager, which clients ask directly for registries and batch jobs. */
const frontEnd = /^\/mferp\/managementfrontend\/subscriptions\//i

/** The fastify application of the main listener, with Azure's manners for every service on it. */
export function createApp(options: {
  readonly server: Server
  readonly serve: (handler: Handler) => void
  readonly log: RegionLog
}): FastifyInstance {
  const { log } = options
  const app = Fastify({
    // Paths of ARM are case-insensitive; clients send a doubled leading slash at times.
    routerOptions: { caseSensitive: false, maxParamLength: 4096, ignoreTrailingSlash: true },
    rewriteUrl: (request) => {
      const url = (request.url ?? '/').replace(/^\/{2,}/, '/').replace(frontEnd, '/subscriptions/')
      const vault = vaultHost.exec(request.headers.host ?? '')?.[1]
      if (vault !== undefined) return `/vault/${vault}${url}`
      const images = imageHost.exec(request.headers.host ?? '')?.[1]
      return images === undefined ? url : `/registry/${images}${url}`
    },
    bodyLimit: bodyLimitBytes,
    genReqId: () => randomUUID(),
    frameworkErrors: (error, _request, reply) => {
      const answer = toAzureError(error, log)
      const body = JSON.stringify(errorBody(answer))
      reply.raw.writeHead(answer.status, { 'content-type': 'application/json; charset=utf-8' })
      reply.raw.end(body)
    },
    // The listener answers what is no HTTP; a second answer on the same socket would be one too many.
    clientErrorHandler: () => undefined,
    serverFactory: (handler) => {
      options.serve(handler)
      return options.server
    },
  })
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser(/^application\/(?:.+\+)?json/i, { parseAs: 'string' }, parseJson)
  app.addHook('onSend', async (request, reply) => {
    reply.header('x-ms-request-id', request.id)
    const correlation = request.headers['x-ms-correlation-request-id'] ?? request.id
    reply.header('x-ms-correlation-request-id', correlation)
    const clientId = request.headers['x-ms-client-request-id']
    if (clientId !== undefined) reply.header('x-ms-client-request-id', clientId)
  })
  app.setErrorHandler((error, _request, reply) => {
    const answer = toAzureError(error, log)
    return reply.code(answer.status).headers(answer.headers).send(errorBody(answer))
  })
  app.setNotFoundHandler((request) => {
    // Not 404: that would say that the service is there and the thing is not.
    throw new AzureError(
      501,
      'NotImplemented',
      `No service of this region answers ${request.method} ${request.url.split('?')[0]}.`,
    )
  })
  return app
}

/** An empty body is no body: Azure's clients send POSTs with a JSON type and nothing in them. */
function parseJson(
  _request: unknown,
  text: string | Buffer,
  done: (error: Error | null, body?: unknown) => void,
): void {
  if (text.length === 0) {
    done(null, undefined)
    return
  }
  try {
    refuseDeep(String(text))
    done(null, JSON.parse(String(text)))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'it is not JSON'
    done(
      new AzureError(
        400,
        'InvalidRequestContent',
        `The request content was invalid and could not be deserialized: '${reason}'.`,
      ),
    )
  }
}
