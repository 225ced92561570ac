import { randomUUID } from 'node:crypto'
import { HoldfastError } from '../../model/errors.ts'
import type { JsonObject } from '../../model/json.ts'
import type { Place } from '../../model/place.ts'
import { throwIfCancelled } from '../cancellation.ts'
import type {
  BlobInfo,
  CallOptions,
  Experiment,
  ImageManifest,
  Marker,
  MetricValue,
  Page,
  PageOptions,
  Run,
  SealingKey,
  Secret,
  WorkspaceObject,
  WorkspaceOperation,
} from '../workspace.ts'

/** Everything one memory workspace holds. The parts (`memory-objects` …) share it. */
export interface MemoryWorld {
  readonly key: string
  readonly name: string
  readonly place: Place
  readonly clock: () => Date
  readonly mintsRunIds: boolean
  readonly objects: Map<string, StoredObject>
  readonly experiments: Map<string, Experiment>
  readonly runs: Map<string, Run>
  readonly metrics: Map<string, MetricValue[]>
  readonly blobs: Map<string, Map<string, StoredBlob>>
  /** `repository/tag` and `repository/digest` -> manifest. */
  readonly images: Map<string, ImageManifest>
  /** By `repository/digest`. */
  readonly layers: Map<string, Uint8Array>
  readonly submissions: Map<string, number>
  readonly writes: RecordedWrite[]
  marker: Marker | undefined
  sealingKey: SealingKey | undefined
  sequence: number
  closed: boolean
  lastTimeMs: number
}

export interface StoredObject extends WorkspaceObject {
  readonly order: number
  readonly secret: Secret | undefined
}

export interface StoredBlob {
  readonly info: BlobInfo
  readonly bytes: Uint8Array
}

/** What a test asks about: every effect with the epoch under which it was made (I1). */
export interface RecordedWrite {
  readonly operation: WorkspaceOperation
  /** Object id, run id, `store/blob`, job name. */
  readonly target: string
  readonly epoch: number
}

/** Worlds by key, so that one memory workspace can copy a blob from another's read address. */
const worlds = new Map<string, MemoryWorld>()

export function createWorld(
  name: string,
  place: Place,
  clock: () => Date,
  mintsRunIds: boolean,
): MemoryWorld {
  const world: MemoryWorld = {
    key: randomUUID(),
    name,
    place,
    clock,
    mintsRunIds,
    objects: new Map(),
    experiments: new Map(),
    runs: new Map(),
    metrics: new Map(),
    blobs: new Map(Object.keys(place.containers).map((store) => [store, new Map()])),
    images: new Map(),
    layers: new Map(),
    submissions: new Map(),
    writes: [],
    marker: undefined,
    sealingKey: undefined,
    sequence: 0,
    closed: false,
    lastTimeMs: 0,
  }
  worlds.set(world.key, world)
  return world
}

export function findWorld(key: string): MemoryWorld | undefined {
  return worlds.get(key)
}

export function closeWorld(world: MemoryWorld): void {
  world.closed = true
  worlds.delete(world.key)
}

/** Every operation begins here: closed or cancelled calls have no effect. */
export async function begin(world: MemoryWorld, options: CallOptions = {}): Promise<void> {
  throwIfCancelled(options.signal, world.name)
  await Promise.resolve()
  throwIfCancelled(options.signal, world.name)
  if (world.closed) {
    throw new HoldfastError('workspace.closed', `${world.name} is closed`, { place: world.name })
  }
}

/** Rises with every change even when the clock stands still, as the services' own times do. */
export function nextTime(world: MemoryWorld): string {
  world.lastTimeMs = Math.max(world.clock().getTime(), world.lastTimeMs + 1)
  return new Date(world.lastTimeMs).toISOString()
}

export function nextEtag(world: MemoryWorld): string {
  world.sequence += 1
  return `"${world.sequence.toString(16).padStart(8, '0')}"`
}

/** `items` are in order; the cursor is the position after the last one given. */
export function pageOf<T>(
  items: readonly T[],
  positionOf: (item: T) => string,
  options: PageOptions = {},
): Page<T> {
  const { cursor, pageSize = 100 } = options
  const rest = cursor === undefined ? items : items.filter((item) => positionOf(item) > cursor)
  const page = rest.slice(0, Math.max(1, pageSize))
  const last = page.at(-1)
  return rest.length > page.length && last !== undefined
    ? { items: page, cursor: positionOf(last) }
    : { items: page }
}

/** A position that sorts as text. */
export function ordinal(order: number): string {
  return order.toString().padStart(12, '0')
}

export function notFound(world: MemoryWorld, what: string): HoldfastError {
  return new HoldfastError('object.not-found', `${world.name} has no ${what}`, {
    place: world.name,
  })
}

/** Documents are copied in and out: what a caller changes afterwards does not change the world. */
export function copyOf(body: JsonObject): JsonObject {
  return structuredClone(body)
}
