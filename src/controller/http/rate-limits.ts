import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { HoldfastError } from '../../model/errors.ts'
import { callerOf } from './caller.ts'

/** Each throws `request.too-many` (transient). */
export interface RateLimits {
  /**
   * After a call without a valid token or session. Valid ones are never counted here: nobody locks
   * out the engineer on call by guessing.
   */
  refused(request: FastifyRequest): Promise<void>
  /** Beginning or ending a sign-in, a one-time link included. */
  signIn(request: FastifyRequest): Promise<void>
  /** Of a known caller. */
  call(request: FastifyRequest): Promise<void>
}

const minuteMs = 60_000
/** In a minute: by address for strangers, by caller for those who are known. */
export const usualLimits = {
  refused: 60,
  signIn: 60,
  /** A command that reads a ledger of a million rows page by page stays below. */
  call: 6000,
}

export async function rateLimits(
  app: FastifyInstance,
  most: Readonly<typeof usualLimits>,
): Promise<RateLimits> {
  await app.register(rateLimit, { global: false, timeWindow: minuteMs })
  const limit = (max: number, keyGenerator?: (request: FastifyRequest) => string) => {
    const count = app.createRateLimit({
      ...{ max, timeWindow: minuteMs },
      ...(keyGenerator === undefined ? {} : { keyGenerator }),
    })
    return async (request: FastifyRequest) => {
      const seen = await count(request)
      if (!seen.isAllowed && seen.isExceeded) throw tooMany(seen.ttl)
    }
  }
  return {
    refused: limit(most.refused),
    signIn: limit(most.signIn),
    call: limit(most.call, (request) => callerOf(request).id),
  }
}

function tooMany(retryAfterMs: number): HoldfastError {
  return new HoldfastError('request.too-many', 'There were too many calls like this one.', {
    ...{ kind: 'transient', retryAfterMs },
    hint: 'Wait as long as Retry-After says.',
  })
}
