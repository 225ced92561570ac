import type { FastifyBaseLogger } from 'fastify'
import { pino } from 'pino'

/** A log on stderr, so that stdout stays the command's own. */
export function logTo(level: string): FastifyBaseLogger {
  return pino({ level: process.env.HOLDFAST_LOG_LEVEL ?? level }, pino.destination(2))
}
