import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { Caller, TokenAuthority } from '../context.ts'

/**
 * How a route is guarded. Default (unset): a bearer token for the management audiences.
 * - `public`: no token (authority, discovery).
 * - `own`: the route checks for itself (endpoint keys, vault challenge).
 * - `region`: a bearer token for the region's own audience alone.
 */
export type Access = 'public' | 'own' | 'region'

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
    /** The route only says that the region does not offer what was asked. */
    refuses?: boolean
  }
  interface FastifyRequest {
    /** Who asks; set before the body is read, on every route that asks for a token. */
    caller: Caller
  }
}

/** Checks tokens before the body is read, so that nobody unknown can make the region work. */
export function guardRoutes(
  app: FastifyInstance,
  options: {
    readonly authority: TokenAuthority
    readonly management: readonly string[]
    readonly region: readonly string[]
    /** The time, whatever the region's clock says. */
    readonly time: () => Date
  },
): void {
  const callers = new WeakMap<IncomingMessage, Caller>()
  app.decorateRequest('caller', {
    getter() {
      const caller = callers.get(this.raw)
      if (!caller) throw new Error(`${this.routeOptions.url} asks for no token and has no caller`)
      return caller
    },
    setter(caller: Caller) {
      callers.set(this.raw, caller)
    },
  })
  app.addHook('onRequest', async (request) => {
    const access = request.routeOptions.config?.access
    if (access === 'public' || access === 'own') return
    const { authority, management, region, time } = options
    const header = request.headers.authorization
    // The switches stay within reach when they put the region's clock wrong.
    request.caller =
      access === 'region'
        ? await authority.verify(header, region, time())
        : await authority.verify(header, management)
  })
}
