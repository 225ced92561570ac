import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { apiPrefix } from '../../api/prefix.ts'
import { type Attributes, inSpan, isTracing } from '../../telemetry/tracing.ts'

/** A call of the API is a span of whoever sent a `traceparent`, around its handler. */
export function traceRequests(app: FastifyInstance): void {
  const ends = new WeakMap<FastifyRequest, () => void>()
  // The last hook before the handler: the body was read, and whoever calls is known.
  app.addHook('preHandler', (request, reply, done) => {
    if (!isTracing() || !isTraced(request)) return done()
    const { method, headers } = request
    const parent = typeof headers.traceparent === 'string' ? headers.traceparent : undefined
    const name = `${method} ${request.routeOptions.url}`
    void inSpan(name, { kind: 'server', parent, attributes: about(request) }, async (span) => {
      // Within the span, so that all that the handler begins belongs to it.
      await new Promise<void>((resolve) => {
        ends.set(request, resolve)
        done()
      })
      span.note(outcomeOf(reply))
    })
  })
  app.addHook('onResponse', async (request) => ends.get(request)?.())
}

/** A stream of events is open for hours: whatever it tells has traces of its own. */
function isTraced({ routeOptions: { url = '' } }: FastifyRequest): boolean {
  return url.startsWith(apiPrefix) && url !== `${apiPrefix}/events`
}

/** The route, and not the address, which holds names and queries. */
function about({ method, routeOptions, params }: FastifyRequest): Attributes {
  const { group } = (params ?? {}) as { readonly group?: string }
  return {
    'http.request.method': method,
    'http.route': routeOptions.url ?? '',
    ...(group === undefined ? {} : { 'holdfast.group': group }),
  }
}

function outcomeOf({ statusCode }: FastifyReply): Attributes {
  const attributes = { 'http.response.status_code': statusCode }
  return statusCode < 500 ? attributes : { ...attributes, 'error.type': String(statusCode) }
}
