import type { FastifyBaseLogger } from 'fastify'
import { pino } from 'pino'
import { logFields } from '../telemetry/tracing.ts'

/** A log on stderr, so that stdout stays the command's own. */
export function logTo(level: string): FastifyBaseLogger {
  const options = { level: process.env.HOLDFAST_LOG_LEVEL ?? level, mixin: () => logFields() }
  return pino(options, pino.destination(2))
}
