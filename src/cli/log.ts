import type { FastifyBaseLogger } from 'fastify'
import { pino } from 'pino'
import { logFields } from '../telemetry/tracing.ts'

/** A log on stderr, so that stdout stays the command's own. */
export function logTo(level: string): FastifyBaseLogger {
  const options = { level: process.env.HOLDFAST_LOG_LEVEL ?? level, mixin: () => logFields() }
  // A terminal that is closed ends no controller; of this stream that is known.
  return pino(options, process.stderr)
}
