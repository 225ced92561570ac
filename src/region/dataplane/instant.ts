import { AzureError } from '../context.ts'

/** Microseconds since 1970: fine enough to give every change of a workspace an instant of its own. */
export type Micros = number

const pattern =
  /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?\s*(Z|[+-]\d\d:?\d\d)?)?$/i

/** Undefined when `text` is no ISO 8601 instant. Without an offset it means UTC. */
export function microsOf(text: string): Micros | undefined {
  const [whole, day, time = '00:00:00', fraction = '', offset = 'Z'] =
    pattern.exec(text.trim()) ?? []
  if (whole === undefined) return undefined
  const ms = Date.parse(`${day}T${time}${offset.toUpperCase()}`)
  if (Number.isNaN(ms)) return undefined
  return ms * 1000 + Number(fraction.padEnd(9, '0')) / 1000
}

/** As `microsOf`, refusing what is no instant. `field` names it in the message. */
export function requireMicros(text: unknown, field: string): Micros {
  const micros = typeof text === 'string' ? microsOf(text) : undefined
  if (micros === undefined)
    throw new AzureError(400, 'ValidationError', `'${field}' is not a date and time in ISO 8601.`)
  return micros
}

/** ISO 8601 UTC with six digits, so that texts sort as the instants do. */
export function instantText(micros: Micros): string {
  const ms = Math.floor(micros / 1000)
  const rest = String(micros - ms * 1000).padStart(3, '0')
  return new Date(ms).toISOString().replace('Z', `${rest}Z`)
}

export const msToMicros = (ms: number): Micros => ms * 1000
export const microsToMs = (micros: Micros): number => Math.floor(micros / 1000)
