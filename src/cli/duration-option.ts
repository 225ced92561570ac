import { InvalidArgumentError, Option } from 'commander'
import { formatDuration, parseDuration } from '../plan/duration.ts'

/** `10s`, `5m`: as in the plan file. Gives milliseconds. */
export function durationOption(text: string): number {
  const milliseconds = parseDuration(text)
  if (milliseconds === undefined || milliseconds < 1) {
    throw new InvalidArgumentError('Write a number and a unit: ms, s, m, h or d, e.g. 30s.')
  }
  return milliseconds
}

/** With a default in milliseconds, which the help shows as people write it. */
export function durationWithDefault(flags: string, what: string, standardMs: number): Option {
  return new Option(flags, what)
    .argParser(durationOption)
    .default(standardMs, formatDuration(standardMs))
}
