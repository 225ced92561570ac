import type { FastifyRequest } from 'fastify'
import type { Caller } from '../../api/roles.ts'

// Not a property of the request: its type belongs to every server of this package.
const callers = new WeakMap<FastifyRequest['raw'], Caller>()

/** Who makes this call. Every route that is not public has one. */
export function callerOf(request: FastifyRequest): Caller {
  const caller = callers.get(request.raw)
  if (caller === undefined) throw new Error(`${request.routeOptions.url} is public: no caller.`)
  return caller
}

/** For the guard alone. */
export function noteCaller(request: FastifyRequest, caller: Caller): void {
  callers.set(request.raw, caller)
}
