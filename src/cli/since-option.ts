import { InvalidArgumentError } from 'commander'
import { parseDuration } from '../plan/duration.ts'

/** `7d` before now, or a time: gives ISO 8601 UTC. */
export function sinceOption(text: string): string {
  const milliseconds = parseDuration(text)
  const at = milliseconds === undefined ? Date.parse(text) : Date.now() - milliseconds
  if (Number.isNaN(at)) {
    throw new InvalidArgumentError('Write a duration (7d) or a time (2026-01-31T08:00:00Z).')
  }
  return new Date(at).toISOString()
}
