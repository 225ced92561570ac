import { isObject } from '../model/field-path.ts'
import type { Json, JsonObject } from '../model/json.ts'
import type { Kind } from '../model/kinds.ts'
import type { ObjectId } from '../model/object-id.ts'
import type { Strategy } from '../plan/continuity-plan.ts'

/**
 * How the object is to stand at the target while that is secondary (design section 6): schedules
 * off, hot-warm deployments at their smallest size, endpoints of hot-cold deployments without
 * traffic. The same document when nothing is held back.
 */
export function standingForm(id: ObjectId, body: JsonObject, strategy: Strategy): JsonObject {
  if (id.kind === 'schedule') return withSchedule(body, false)
  if (id.kind === 'online-deployment' && strategy === 'hot-warm') return smallest(body)
  if (isEndpoint(id.kind) && strategy === 'hot-cold') return withoutRouting(body)
  return body
}

/** `body` of a secondary with what `standingForm` holds back there, as the primary's `own` has it. */
export function withHeldBackOf(
  id: ObjectId,
  body: JsonObject,
  own: JsonObject,
  strategy: Strategy,
): JsonObject {
  if (id.kind === 'schedule') return withSchedule(body, isScheduleOn(own))
  if (isEndpoint(id.kind) && strategy === 'hot-cold') return withRoutingOf(body, own)
  if (id.kind !== 'online-deployment' || strategy !== 'hot-warm') return body
  const [sku, standing] = [body.sku, own.sku]
  if (!isObject(sku) || !isObject(standing) || standing.capacity === undefined) return body
  return { ...body, sku: { ...sku, capacity: standing.capacity } }
}

export function withSchedule(body: JsonObject, isEnabled: boolean): JsonObject {
  return withProperties(body, { isEnabled })
}

/** Enabled is the service's default; a schedule that is not there is off. */
export function isScheduleOn(body: JsonObject | undefined): boolean {
  return body !== undefined && !(isObject(body.properties) && body.properties.isEnabled === false)
}

export function smallest(body: JsonObject): JsonObject {
  const { sku } = body
  if (!isObject(sku) || typeof sku.capacity !== 'number' || sku.capacity <= 1) return body
  return { ...body, sku: { ...sku, capacity: 1 } }
}

/**
 * What has to be put first when the whole cannot be put at once: an endpoint's traffic names
 * deployments that need the endpoint, and an archived container takes no new versions.
 */
export function firstForm(id: ObjectId, body: JsonObject): JsonObject {
  if (id.kind === 'registered-model') return withProperties(body, { aliases: {} })
  if (isEndpoint(id.kind)) return withoutRouting(body)
  return isArchived(body) ? withProperties(body, { isArchived: false }) : body
}

/** Whether the rest of `firstForm` has to wait until other objects are there. */
export function isFinishedLater(kind: Kind): boolean {
  return isEndpoint(kind) || kind === 'registered-model' || kind.endsWith('-container')
}

/** What stands already and must not be touched before the rest is there. */
export function formBeforeFinish(
  id: ObjectId,
  body: JsonObject,
  target: JsonObject | undefined,
): JsonObject {
  if (target === undefined) return firstForm(id, body)
  if (isEndpoint(id.kind)) return withRoutingOf(body, target)
  if (id.kind !== 'registered-model') return firstForm(id, body)
  const standing = isObject(target.properties) ? target.properties : {}
  return withProperties(body, { aliases: standing.aliases ?? {} })
}

export function isEndpoint(kind: Kind): boolean {
  return kind === 'online-endpoint' || kind === 'batch-endpoint'
}

export function isArchived(body: JsonObject): boolean {
  return isObject(body.properties) && body.properties.isArchived === true
}

/** The routing of `from` put on `body`: an update must not touch the traffic that stands. */
export function withRoutingOf(body: JsonObject, from: JsonObject): JsonObject {
  const standing = isObject(from.properties) ? from.properties : {}
  return withProperties(withoutRouting(body), pick(standing, routingFields))
}

const routingFields = ['traffic', 'mirrorTraffic', 'defaults'] as const

export function withoutRouting(body: JsonObject): JsonObject {
  const properties = isObject(body.properties) ? body.properties : {}
  const kept = Object.entries(properties).filter(
    ([name]) => !(routingFields as readonly string[]).includes(name),
  )
  return { ...body, properties: Object.fromEntries(kept) }
}

/**
 * `body` without what a strategy may have held back of `whole`: two bodies that are equal so differ
 * only in what the failover has to add.
 */
export function withoutHeldBack(id: ObjectId, body: JsonObject, whole: JsonObject): JsonObject {
  if (isEndpoint(id.kind)) return withoutRouting(body)
  if (id.kind === 'online-deployment' && isObject(body.sku)) {
    const { capacity: _, ...sku } = body.sku
    return { ...body, sku }
  }
  // Only in this direction: what somebody archived at the target stays so.
  return isArchived(whole) ? withProperties(body, { isArchived: true }) : body
}

function withProperties(body: JsonObject, changed: JsonObject): JsonObject {
  const properties = isObject(body.properties) ? body.properties : {}
  return { ...body, properties: { ...properties, ...changed } }
}

function pick(from: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(
    names.flatMap((name) => (from[name] === undefined ? [] : [[name, from[name]] as const])),
  )
}

/** Without the routes to deployments that are not there; requests cannot go where nothing is. */
export function withoutRoutesTo(
  body: JsonObject,
  isAbsent: (deployment: string) => boolean,
): JsonObject {
  const properties = isObject(body.properties) ? body.properties : {}
  const { defaults } = properties
  const kept: Record<string, Json> = {}
  for (const name of ['traffic', 'mirrorTraffic'] as const) {
    const split = properties[name]
    if (!isObject(split)) continue
    kept[name] = Object.fromEntries(Object.entries(split).filter(([to]) => !isAbsent(to)))
  }
  if (isObject(properties.aliases)) {
    const aliases = Object.entries(properties.aliases)
    kept.aliases = Object.fromEntries(aliases.filter(([, to]) => !isAbsent(String(to))))
  }
  if (isObject(defaults) && isAbsent(String(defaults.deploymentName))) kept.defaults = null
  return withProperties(body, kept)
}

/** What has to stand before the rest of `body` is put: deployments of routes, versions of aliases. */
export function namedLater(id: ObjectId, body: JsonObject): ObjectId[] {
  if (id.kind !== 'registered-model') return routedDeployments(id, body)
  const { aliases } = isObject(body.properties) ? body.properties : {}
  return Object.values(isObject(aliases) ? aliases : {}).map((version) => ({
    kind: 'model-version',
    path: [...id.path, String(version)],
  }))
}

/** Deployments of `endpoint` that its routing names. */
function routedDeployments(endpoint: ObjectId, body: JsonObject): ObjectId[] {
  const properties = isObject(body.properties) ? body.properties : {}
  const { traffic, mirrorTraffic, defaults } = properties
  const names = [traffic, mirrorTraffic].flatMap((split) =>
    isObject(split) ? Object.keys(split) : [],
  )
  if (isObject(defaults) && typeof defaults.deploymentName === 'string') {
    names.push(defaults.deploymentName)
  }
  const kind = endpoint.kind === 'online-endpoint' ? 'online-deployment' : 'batch-deployment'
  return names.map((name) => ({ kind, path: [...endpoint.path, name] }))
}
