import { randomUUID } from 'node:crypto'
import { AzureError } from '../context.ts'

/** What a fault hits. `path` is a regular expression over path and query, ignoring case. */
export type FaultScope = 'region' | { readonly service: FaultService } | { readonly path: string }
export const faultServices = ['arm', 'data', 'blob', 'file', 'scoring', 'vault'] as const
export type FaultService = (typeof faultServices)[number]

interface FaultFacts {
  /** For `holdfast region fault`, and for whoever reads this. */
  readonly what: string
  /** The field it cannot do without. */
  readonly needs?: Measure | 'origin'
  readonly allows?: readonly Measure[]
  /** Nothing smaller than the whole region can have it, and not a share of its requests. */
  readonly wholeRegion?: true
}

/** Every trouble a region can be in. */
export const faultKinds = {
  down: { what: 'the connection is cut, also of requests that are under way' },
  pause: { what: 'nothing is answered until the fault ends; then the requests go on' },
  halfOpen: { what: 'requests vanish: no effect, no answer, and the connection stays open' },
  truncate: { what: 'the request has its effect, and the connection is cut within the answer' },
  slow: { what: 'latencyMs are added to each answer', needs: 'latencyMs' },
  throttle: { what: '429 with Retry-After', allows: ['retryAfterSeconds'] },
  unavailable: { what: '503 with Retry-After', allows: ['retryAfterSeconds'] },
  readOnly: { what: 'writes are refused' },
  forbid: { what: '403: who asks may not' },
  slowOperations: {
    what: 'long-running operations take operationMs to end',
    needs: 'operationMs',
  },
  cutOff: { what: 'this region cannot reach origin', needs: 'origin', wholeRegion: true },
  clockSkew: {
    what: "the region's clock is skewSeconds ahead, or behind when negative",
    needs: 'skewSeconds',
    wholeRegion: true,
  },
  falseHealth: { what: 'Resource Health calls ill what is well, and well what is ill' },
  fullDisk: { what: 'no byte more can be stored', wholeRegion: true },
} as const satisfies Record<string, FaultFacts>
export type FaultKind = keyof typeof faultKinds

/** Numbers a fault may have, with the least and the most they may be. */
const measures = {
  latencyMs: [0, 600_000],
  retryAfterSeconds: [0, 3600],
  operationMs: [0, 86_400_000],
  skewSeconds: [-315_360_000, 315_360_000],
} as const
type Measure = keyof typeof measures

export interface Fault extends Partial<Readonly<Record<Measure, number>>> {
  readonly id: string
  readonly scope: FaultScope
  readonly kind: FaultKind
  /** Of requests in scope, 0 to 1. */
  readonly share: number
  readonly origin?: string
  readonly createdAt: string
  /** When it ends by itself; absent: when it is lifted. */
  readonly endsAt?: string
}

/** Reads a fault from a request; every mistake is a 400 that names the field. */
export function parseFault(input: unknown, now: Date): Fault {
  if (typeof input !== 'object' || input === null) throw invalid('the fault', 'must be an object')
  const fields = input as Record<string, unknown>
  const kind = kindOf(fields.kind)
  const facts: FaultFacts = faultKinds[kind]
  const named = [facts.needs, ...(facts.allows ?? [])].filter((field) => field !== undefined)
  const known = new Set<string>(['kind', 'scope', 'share', 'durationMs', ...named])
  for (const name of Object.keys(fields))
    if (!known.has(name)) throw invalid(name, `is not a field of a ${kind} fault`)
  if (facts.needs !== undefined && fields[facts.needs] === undefined)
    throw invalid(facts.needs, `is needed by ${kind}`)
  const scope = scopeOf(fields.scope ?? 'region')
  const share = numberOf(fields, 'share', 0, 1) ?? 1
  if (facts.wholeRegion && (scope !== 'region' || share !== 1))
    throw invalid('scope', `of ${kind} can only be the whole region`)
  const durationMs = numberOf(fields, 'durationMs', 1, 86_400_000)
  const endsAt = durationMs && new Date(now.getTime() + durationMs).toISOString()
  return {
    ...{ id: randomUUID(), scope, kind, share, createdAt: now.toISOString() },
    ...measuresOf(fields),
    ...(fields.origin !== undefined && { origin: originOf(fields.origin) }),
    ...(endsAt && { endsAt }),
  }
}

function kindOf(kind: unknown): FaultKind {
  if (typeof kind === 'string' && Object.hasOwn(faultKinds, kind)) return kind as FaultKind
  throw invalid('kind', `must be one of ${Object.keys(faultKinds).join(', ')}`)
}

function measuresOf(fields: Record<string, unknown>): Partial<Record<Measure, number>> {
  const found: Partial<Record<Measure, number>> = {}
  for (const name of Object.keys(measures) as Measure[]) {
    const [least, most] = measures[name]
    const value = numberOf(fields, name, least, most)
    if (value !== undefined) found[name] = value
  }
  return found
}

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

/** Whether a fault is about a request of a service. */
export function hits({ scope }: Fault, url: string, service: FaultService): boolean {
  if (scope === 'region') return true
  if ('service' in scope) return scope.service === service
  return new RegExp(scope.path, 'i').test(url)
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
