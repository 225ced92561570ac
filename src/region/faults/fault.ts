import { randomUUID } from 'node:crypto'
import { AzureError } from '../context.ts'

/** What a fault hits. `path` is a regular expression over path and query, ignoring case. */
export type FaultScope = 'region' | { readonly service: FaultService } | { readonly path: string }
export const faultServices = ['arm', 'data', 'blob', 'scoring', 'vault'] as const
export type FaultService = (typeof faultServices)[number]

/**
 * - `down`: the connection is cut, also of requests that are under way.
 * - `pause`: nothing is answered until the fault ends; then the request goes on.
 * - `slow`: `latencyMs` are added.
 * - `throttle`: 429 with `Retry-After`.
 * - `readOnly`: writes are refused.
 * - `cutOff`: this region cannot reach `origin` (copy from URL, own outgoing calls).
 */
export const faultKinds = ['down', 'pause', 'slow', 'throttle', 'readOnly', 'cutOff'] as const
export type FaultKind = (typeof faultKinds)[number]

export interface Fault {
  readonly id: string
  readonly scope: FaultScope
  readonly kind: FaultKind
  /** Of requests in scope, 0 to 1. */
  readonly share: number
  readonly latencyMs?: number
  readonly retryAfterSeconds?: number
  readonly origin?: string
  readonly createdAt: string
  /** When it ends by itself; absent: when it is lifted. */
  readonly endsAt?: string
}

/** Reads a fault from a request; every mistake is a 400 that names the field. */
export function parseFault(input: unknown, now: Date): Fault {
  if (typeof input !== 'object' || input === null) throw invalid('the fault', 'must be an object')
  const fields = input as Record<string, unknown>
  for (const name of Object.keys(fields))
    if (!known.has(name)) throw invalid(name, 'is not a field of a fault')
  const kind = faultKinds.find((one) => one === fields.kind)
  if (!kind) throw invalid('kind', `must be one of ${faultKinds.join(', ')}`)
  const latencyMs = numberOf(fields, 'latencyMs', 0, 600_000)
  if (kind === 'slow' && latencyMs === undefined) throw invalid('latencyMs', 'is needed by slow')
  const retryAfterSeconds = numberOf(fields, 'retryAfterSeconds', 0, 3600)
  const durationMs = numberOf(fields, 'durationMs', 1, 86_400_000)
  const origin = kind === 'cutOff' ? originOf(fields.origin) : undefined
  return {
    id: randomUUID(),
    scope: scopeOf(fields.scope ?? 'region'),
    kind,
    share: numberOf(fields, 'share', 0, 1) ?? 1,
    ...(latencyMs !== undefined && { latencyMs }),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    ...(origin !== undefined && { origin }),
    createdAt: now.toISOString(),
    ...(durationMs !== undefined && {
      endsAt: new Date(now.getTime() + durationMs).toISOString(),
    }),
  }
}

const known = new Set([
  'scope',
  'kind',
  'share',
  'latencyMs',
  'retryAfterSeconds',
  'durationMs',
  'origin',
])

function scopeOf(scope: unknown): FaultScope {
  if (scope === 'region') return scope
  if (typeof scope === 'object' && scope !== null) {
    const { service, path } = scope as Record<string, unknown>
    const named = faultServices.find((one) => one === service)
    if (named && path === undefined) return { service: named }
    if (typeof path === 'string' && service === undefined) {
      try {
        new RegExp(path)
        return { path }
      } catch (cause) {
        throw invalid('scope.path', `is no regular expression: ${(cause as Error).message}`)
      }
    }
  }
  throw invalid(
    'scope',
    `must be "region", {"service": ${faultServices.join('|')}} or {"path": "<regular expression>"}`,
  )
}

function originOf(value: unknown): string {
  if (typeof value === 'string' && URL.canParse(value)) return new URL(value).origin
  throw invalid('origin', 'must be an address such as https://localhost:7101')
}

function numberOf(
  fields: Record<string, unknown>,
  name: string,
  least: number,
  most: number,
): number | undefined {
  const value = fields[name]
  if (value === undefined) return undefined
  if (typeof value === 'number' && value >= least && value <= most) return value
  throw invalid(name, `must be a number from ${least} to ${most}`)
}

const invalid = (field: string, problem: string) =>
  new AzureError(400, 'InvalidFault', `${field} ${problem}.`)
