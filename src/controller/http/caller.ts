import type { FastifyRequest } from 'fastify'
import type { Caller } from '../../api/roles.ts'

interface Call {
  readonly caller: Caller
  readonly stillHolds: () => Promise<boolean>
}

// Not a property of the request: its type belongs to every server of this package.
const calls = new WeakMap<FastifyRequest['raw'], Call>()

/** Who makes this call. Every route that is not public has one. */
export function callerOf(request: FastifyRequest): Caller {
  return callOf(request).caller
}

/** For answers that take hours: is the session or token still good, and may its holder still do this? */
export function callStillHolds(request: FastifyRequest): Promise<boolean> {
  return callOf(request).stillHolds()
}

/** For the guard alone. */
export function noteCall(request: FastifyRequest, call: Call): void {
  calls.set(request.raw, call)
}

function callOf(request: FastifyRequest): Call {
  const call = calls.get(request.raw)
  if (call === undefined) throw new Error(`${request.routeOptions.url} is public: no caller.`)
  return call
}
