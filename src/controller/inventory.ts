import type { GroupStatus } from '../api/contract.ts'
import type { ImageSight, Inventory, MachineNeed, SecretSight } from '../assess/inventory.ts'
import { isDrillObject } from '../model/drill.ts'
import { isObject } from '../model/field-path.ts'
import type { Json, JsonObject } from '../model/json.ts'
import type { Kind } from '../model/kinds.ts'
import { formatObjectId, parseObjectId } from '../model/object-id.ts'
import type { Definition } from '../replication/definitions.ts'
import { failover } from '../runbooks/failover.ts'
import { allRows } from '../runbooks/ledger-reads.ts'
import { collect } from '../workspace/pages.ts'
import type { Plane, Workspace, WorkspaceObject } from '../workspace/workspace.ts'
import type { Course } from './course.ts'
import { memberOf } from './members.ts'
import { courseNow, type ProtectedGroup } from './protected-group.ts'

export interface InventoryFacts {
  readonly status: () => Promise<GroupStatus>
}

const planes: readonly Plane[] = ['arm', 'history', 'blob', 'scoring', 'jobs']
const secretKinds: readonly Kind[] = ['datastore', 'connection', 'online-endpoint']
/** Of one kind of secret or captured object; a group with more is looked at in part, and says so. */
const lookLimit = 500

/** Asks the secondary with this process's own credentials; the primary only to compare secrets. */
export async function gatherInventory(
  group: ProtectedGroup,
  facts: InventoryFacts,
  signal: AbortSignal,
): Promise<Inventory> {
  const course = await courseNow(group)
  const status = await facts.status()
  const target = memberOf(group.members, course.secondary).impatient
  const unknown: { what: string; reason: string }[] = []
  const attempt = async <T>(what: string, otherwise: T, work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      signal.throwIfAborted()
      unknown.push({ what, reason: error instanceof Error ? error.message : String(error) })
      return otherwise
    }
  }
  const [
    clocks,
    probes,
    capacity,
    machines,
    secrets,
    images,
    distantRegistry,
    endpoints,
    nameConflicts,
  ] = await Promise.all([
    clocksOf(group, signal),
    Promise.all(planes.map((plane) => target.probe(plane, { signal }))),
    attempt('quotas', null, async () => (await target.readCapacity({ signal })) ?? null),
    attempt('machines', [], () => machinesOf(group, course, target, signal)),
    attempt('secrets', [], () => secretsOf(group, course, target, signal)),
    attempt('images', [], () => imagesOf(group, course, target, signal)),
    attempt('image registry', null, () => distantRegistryOf(group, course, target, signal)),
    endpointsOf(group, signal),
    attempt('names', [], () => takenNames(group, course, target, signal)),
  ])
  return {
    primary: course.primary,
    secondary: course.secondary,
    epoch: course.epoch,
    lagMs: status.lagMs,
    rpoMs: status.objectives.rpoMs,
    replicates: course.replicates,
    counts: status.counts,
    clocks,
    planes: probes,
    ...{ capacity, machines, secrets, images, distantRegistry, endpoints, nameConflicts, unknown },
    stepsNeedingPrimary: failover.steps
      .filter(({ needs }) => needs.some(({ member }) => member === 'source'))
      .map(({ id }) => id),
    drillOverdue: status.drill.overdue,
  }
}

/** A member that does not answer tells no time; its planes say that it does not. */
async function clocksOf({ members, clock }: ProtectedGroup, signal: AbortSignal) {
  const found = await Promise.all(
    [...members].map(async ([member, { impatient }]) => {
      const before = clock().getTime()
      const theirs = await impatient.readClock({ signal }).catch(() => undefined)
      signal.throwIfAborted()
      const middle = (before + clock().getTime()) / 2
      return theirs === undefined ? [] : [{ member, aheadMs: theirs.getTime() - middle }]
    }),
  )
  return found.flat()
}

/** Full size after a failover (as captured, else as it stands) against what stands now. */
async function machinesOf(
  group: ProtectedGroup,
  course: Course,
  target: Workspace,
  signal: AbortSignal,
): Promise<MachineNeed[]> {
  const needs: MachineNeed[] = []
  for (const kind of ['online-deployment', 'compute'] as const) {
    const standing = new Map(
      (await listOf(target, kind, signal)).map((one) => [formatObjectId(one.id), one.body]),
    )
    const defined = await definitionsOf(group, course, kind)
    const wanted = new Map([
      ...standing,
      ...defined.map(({ object, body }) => [object, body] as const),
    ])
    for (const [object, body] of wanted) {
      const need = kind === 'compute' ? clusterNeed : deploymentNeed
      const found = need(body, standing.get(object))
      if (found !== undefined) needs.push({ object, ...found })
    }
  }
  return needs
}

function deploymentNeed(wanted: JsonObject, standing: JsonObject | undefined) {
  const size = inner(wanted, 'properties').instanceType
  if (typeof size !== 'string') return undefined
  const count = (body: JsonObject | undefined): number =>
    body === undefined ? 0 : Number(inner(body, 'sku').capacity ?? 1)
  return { size, wanted: count(wanted), standing: count(standing), isEndpoint: true }
}

/** A cluster may grow to its limit; its nodes of now are counted in the usage. */
function clusterNeed(wanted: JsonObject, standing: JsonObject | undefined) {
  const outer = inner(wanted, 'properties')
  const { vmSize, scaleSettings } = inner(outer, 'properties')
  if (outer.computeType !== 'AmlCompute' || typeof vmSize !== 'string') return undefined
  const most = isObject(scaleSettings) ? Number(scaleSettings.maxNodeCount ?? 1) : 1
  const now = inner(inner(standing ?? {}, 'properties'), 'properties').currentNodeCount
  return { size: vmSize, wanted: most, standing: Number(now ?? 0), isEndpoint: false }
}

function inner(body: JsonObject, name: string): JsonObject {
  const value: Json | undefined = body[name]
  return isObject(value) ? value : {}
}

/** Compared by keyed hash and never kept (D10); while the primary is silent only readability is known. */
async function secretsOf(
  group: ProtectedGroup,
  { primary, secondary, direction }: Course,
  target: Workspace,
  signal: AbortSignal,
): Promise<SecretSight[]> {
  const source = memberOf(group.members, primary).impatient
  const sights: SecretSight[] = []
  const isThere = (await source.probe('arm', { signal })).healthy
  for (const kind of secretKinds) {
    const objects = await listOf(target, kind, signal)
    if (objects.length > lookLimit) {
      const object = `${kind}, beyond the first ${lookLimit}`
      sights.push({ object, state: 'not-compared' })
    }
    const names = objects.slice(0, lookLimit).map(({ id }) => formatObjectId(id))
    const rows = await group.records.ledger.read(direction, names)
    for (const object of names) {
      // What the service made there itself has keys of its own.
      if (rows.get(object)?.state !== 'proven') continue
      sights.push(await secretSight(object, target, isThere ? source : undefined, signal))
    }
  }
  return sights.map((sight) =>
    sight.state === 'missing' ? { ...sight, reason: `missing at ${secondary}` } : sight,
  )
}

async function secretSight(
  object: string,
  target: Workspace,
  source: Workspace | undefined,
  signal: AbortSignal,
): Promise<SecretSight> {
  const id = parseObjectId(object)
  try {
    const here = await target.readSecrets(id, { signal })
    if (source === undefined) return { object, state: 'not-compared' }
    const there = await source.readSecrets(id, { signal })
    if (there === undefined) return { object, state: 'equal' }
    if (here === undefined) return { object, state: 'missing' }
    return { object, state: here.fingerprint() === there.fingerprint() ? 'equal' : 'different' }
  } catch (error) {
    signal.throwIfAborted()
    const reason = error instanceof Error ? error.message : String(error)
    return { object, state: 'unreadable', reason }
  }
}

/** By the digest that was proven; the registry promises that all parts of a manifest are there. */
async function imagesOf(
  { records }: ProtectedGroup,
  { direction }: Course,
  target: Workspace,
  signal: AbortSignal,
): Promise<ImageSight[]> {
  const sights: ImageSight[] = []
  for await (const row of allRows(records.ledger, direction, { kind: 'image', state: 'proven' })) {
    const found = await target.getObject(parseObjectId(row.object), { signal })
    if (found === undefined) sights.push({ object: row.object, state: 'missing' })
    else if (found.body.digest !== row.targetDigest)
      sights.push({ object: row.object, state: 'different' })
  }
  return sights
}

async function distantRegistryOf(
  group: ProtectedGroup,
  { primary }: Course,
  target: Workspace,
  signal: AbortSignal,
): Promise<Inventory['distantRegistry']> {
  const here = await target.describe({ signal })
  if (here.imageRegistry === undefined) return null
  const source = memberOf(group.members, primary).impatient
  // Whether the registry outlives a primary that is gone is seen by asking it for the images.
  if (!(await source.probe('arm', { signal })).healthy) return null
  const { server } = (await source.describe({ signal })).imageRegistry ?? {}
  const { regions } = here.imageRegistry
  const isShared = server === here.imageRegistry.server
  const isNear = regions.length === 0 || regions.includes(here.region)
  return isShared && !isNear ? { server, region: here.region } : null
}

async function endpointsOf({ endpoints }: ProtectedGroup, signal: AbortSignal) {
  const all = [...endpoints.traffic, ...endpoints.configuration]
  return Promise.all(
    all.map(async (endpoint) => {
      try {
        const { member = null, epoch = null } = (await endpoint.current({ signal })) ?? {}
        return { name: endpoint.name, member, epoch, error: null }
      } catch (error) {
        signal.throwIfAborted()
        const reason = error instanceof Error ? error.message : String(error)
        return { name: endpoint.name, member: null, epoch: null, error: reason }
      }
    }),
  )
}

/** Hot-cold objects are made at the failover only, so whatever has their name now is not ours. */
async function takenNames(
  group: ProtectedGroup,
  { direction }: Course,
  target: Workspace,
  signal: AbortSignal,
): Promise<string[]> {
  const taken: string[] = []
  let looked = 0
  for await (const row of allRows(group.records.ledger, direction, { state: 'skipped' })) {
    if (row.error?.code !== 'object.captured') continue
    looked += 1
    if (looked > lookLimit) return taken
    const id = parseObjectId(row.object)
    // A container is made by the first version and holds nothing of its own.
    if (id.kind.endsWith('-container')) continue
    if ((await target.getObject(id, { signal })) !== undefined) taken.push(row.object)
  }
  return taken
}

async function listOf(
  workspace: Workspace,
  kind: Kind,
  signal: AbortSignal,
): Promise<WorkspaceObject[]> {
  if (!workspace.capabilities.kinds.has(kind)) return []
  const all = await collect((page) => workspace.listObjects(kind, { ...page, signal }))
  return all.filter(({ id, body }) => !isDrillObject(id, body))
}

async function definitionsOf(
  { records }: ProtectedGroup,
  { direction }: Course,
  kind: Kind,
): Promise<Definition[]> {
  const all: Definition[] = []
  for (let after: string | undefined; ; after = all.at(-1)?.object) {
    const more = after === undefined ? {} : { after }
    const page = await records.definitions.list(direction, { kind, limit: 500, ...more })
    all.push(...page)
    if (page.length < 500) return all
  }
}
