import { randomBytes } from 'node:crypto'
import { canonicalObject, digestJson, writableObject } from '../../model/canonical.ts'
import { HoldfastError } from '../../model/errors.ts'
import { isObject } from '../../model/field-path.ts'
import type { Json, JsonObject } from '../../model/json.ts'
import { armKind, type Kind } from '../../model/kinds.ts'
import { formatObjectId, type ObjectId } from '../../model/object-id.ts'
import { parentOf } from '../../model/references.ts'
import { isImmutableKind, payloadDigest } from '../asset-payload.ts'
import { secretOf } from '../secret.ts'
import type { CompletedStep, PutOptions, Workspace, WorkspaceObject } from '../workspace.ts'
import { builtImages, imageObject } from './memory-images.ts'
import {
  begin,
  copyOf,
  type MemoryWorld,
  nextEtag,
  nextTime,
  notFound,
  ordinal,
  pageOf,
  type StoredObject,
} from './memory-world.ts'

type ObjectOperations = Pick<
  Workspace,
  | 'listObjects'
  | 'getObject'
  | 'putObject'
  | 'deleteObject'
  | 'readSecrets'
  | 'submitJob'
  | 'cancelJob'
  | 'completedSteps'
>

export function memoryObjects(world: MemoryWorld): ObjectOperations {
  return {
    async listObjects(kind, options = {}) {
      await begin(world, options)
      if (kind === 'image')
        return pageOf(builtImages(world), ({ id }) => formatObjectId(id), options)
      requireArmKind(kind)
      const all = [...world.objects.values()].filter(
        (one) => one.id.kind === kind && isChild(one.id, options.parent),
      )
      const page = pageOf(all, (one) => ordinal(one.order), options)
      return { ...page, items: page.items.map(present) }
    },

    async getObject(id, options) {
      await begin(world, options)
      if (id.kind === 'workspace')
        return { id, body: { location: world.place.region, properties: {} } }
      if (id.kind === 'image') return imageObject(world, id)
      requireArmKind(id.kind)
      const found = world.objects.get(formatObjectId(id))
      return found === undefined ? undefined : present(found)
    },

    async putObject(id, body, options) {
      await begin(world, options)
      requireArmKind(id.kind)
      if (id.kind === 'job') {
        throw new HoldfastError('job.submit-only', 'A job is submitted, never put', {
          hint: 'Finished jobs travel as runs (design D5).',
        })
      }
      const stored = put(world, id, body, options)
      world.writes.push({
        operation: 'putObject',
        target: formatObjectId(id),
        epoch: options.epoch,
      })
      return present(stored)
    },

    async deleteObject(id, options) {
      await begin(world, options)
      const text = formatObjectId(id)
      for (const key of world.objects.keys()) {
        if (key === text || isBelow(world.objects.get(key), id)) world.objects.delete(key)
      }
      world.writes.push({ operation: 'deleteObject', target: text, epoch: options.epoch })
    },

    async readSecrets(id, options) {
      await begin(world, options)
      return world.objects.get(formatObjectId(id))?.secret
    },

    async submitJob(name, body, options) {
      await begin(world, options)
      const id: ObjectId = { kind: 'job', path: [name] }
      const existing = world.objects.get(formatObjectId(id))
      if (existing !== undefined) return present(existing)
      const stored = store(world, id, startJob(writableObject(id, body)), undefined, undefined)
      world.submissions.set(name, (world.submissions.get(name) ?? 0) + 1)
      world.writes.push({ operation: 'submitJob', target: name, epoch: options.epoch })
      return present(stored)
    },

    async cancelJob(name, options) {
      await begin(world, options)
      if (!setJobStatus(world, name, 'Canceled', ['Completed', 'Failed', 'Canceled'])) return
      world.writes.push({ operation: 'cancelJob', target: name, epoch: options.epoch })
    },

    async completedSteps(pipeline, options) {
      await begin(world, options)
      return [...world.objects.values()]
        .filter(({ id }) => id.kind === 'job')
        .flatMap((one) => stepOf(present(one), pipeline))
    },
  }
}

function stepOf({ id, body, modifiedAt }: WorkspaceObject, pipeline: string): CompletedStep[] {
  const job = objectOf(body.properties)
  const properties = objectOf(job.properties)
  const parents = [properties['azureml.pipelinerunid'], properties['azureml.parentRunId']]
  const isStep = parents.includes(pipeline)
  if (!isStep || job.status !== 'Completed') return []
  const step = { job: id.path[0] ?? '', endedAt: modifiedAt ?? '', outputs: objectOf(job.outputs) }
  return [{ ...step, displayName: String(job.displayName) }]
}

const objectOf = (value: Json | undefined): JsonObject => (isObject(value) ? value : {})

function requireArmKind(kind: Kind): void {
  if (armKind(kind) !== undefined || kind === 'role-assignment') return
  throw new HoldfastError('kind.unsupported', `${kind} is no object of a workspace's resource tree`)
}

function isChild(id: ObjectId, parent: ObjectId | undefined): boolean {
  return parent === undefined || id.path.slice(0, -1).join('\0') === parent.path.join('\0')
}

function isBelow(stored: StoredObject | undefined, id: ObjectId): boolean {
  const parent = stored === undefined ? undefined : parentOf(stored.id)
  return parent !== undefined && formatObjectId(parent) === formatObjectId(id)
}

function put(
  world: MemoryWorld,
  id: ObjectId,
  body: JsonObject,
  options: PutOptions,
): StoredObject {
  const existing = world.objects.get(formatObjectId(id))
  checkCondition(id, existing, options)
  checkPayload(id, existing, body)
  ensureParent(world, id)
  const secret = options.secrets ?? existing?.secret ?? generatedKeys(id.kind)
  if (existing !== undefined && isSame(id, existing, body, secret)) return existing
  return store(world, id, writableObject(id, body), secret, existing)
}

function isSame(
  id: ObjectId,
  existing: StoredObject,
  body: JsonObject,
  secret: StoredObject['secret'],
): boolean {
  const digest = (one: JsonObject) => digestJson(canonicalObject(id, one))
  return (
    digest(existing.body) === digest(body) &&
    existing.secret?.fingerprint() === secret?.fingerprint()
  )
}

function checkCondition(id: ObjectId, existing: StoredObject | undefined, options: PutOptions) {
  const { condition } = options
  const name = formatObjectId(id)
  if (condition === 'absent' && existing !== undefined) {
    throw new HoldfastError('object.exists', `${name} exists already`, { place: name })
  }
  if (typeof condition === 'object' && existing?.etag !== condition.etag) {
    throw new HoldfastError('object.changed', `${name} is not what it was`, { place: name })
  }
}

function checkPayload(id: ObjectId, existing: StoredObject | undefined, body: JsonObject) {
  if (existing === undefined || !isImmutableKind(id.kind)) return
  if (payloadDigest(id, existing.body) === payloadDigest(id, body)) return
  const name = formatObjectId(id)
  throw new HoldfastError('object.immutable', `${name} exists with another payload`, {
    place: name,
  })
}

/** The service makes the container of a version itself, but no endpoint for a deployment. */
function ensureParent(world: MemoryWorld, id: ObjectId): void {
  const parent = parentOf(id)
  if (parent === undefined || world.objects.has(formatObjectId(parent))) return
  if (!parent.kind.endsWith('-container')) throw notFound(world, formatObjectId(parent))
  store(world, parent, { properties: {} }, undefined, undefined)
}

function generatedKeys(kind: Kind) {
  if (kind !== 'online-endpoint' && kind !== 'batch-endpoint') return undefined
  const key = () => randomBytes(24).toString('base64url')
  return secretOf<JsonObject>({ primaryKey: key(), secondaryKey: key() })
}

function store(
  world: MemoryWorld,
  id: ObjectId,
  body: JsonObject,
  secret: StoredObject['secret'],
  existing: StoredObject | undefined,
): StoredObject {
  const modifiedAt = nextTime(world)
  const stored: StoredObject = {
    id,
    body: withServiceFields(world, id, copyOf(body), modifiedAt),
    etag: nextEtag(world),
    modifiedAt,
    order: existing?.order ?? world.sequence,
    secret,
  }
  world.objects.set(formatObjectId(id), stored)
  return stored
}

/** What a service adds to a document, so that tests meet it before Azure does. */
function withServiceFields(
  world: MemoryWorld,
  id: ObjectId,
  body: JsonObject,
  modifiedAt: string,
): JsonObject {
  const { subscriptionId, resourceGroup, workspaceName } = world.place
  const segments = armKind(id.kind)?.segments ?? []
  const path = segments.map((segment, index) => `${segment}/${id.path[index]}`).join('/')
  const properties = isObject(body.properties) ? body.properties : {}
  const state = id.kind === 'job' ? {} : { provisioningState: 'Succeeded' }
  return {
    ...body,
    id: `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/Microsoft.MachineLearningServices/workspaces/${workspaceName}/${path}`,
    name: id.path.at(-1) ?? '',
    type: ['Microsoft.MachineLearningServices/workspaces', ...segments].join('/'),
    systemData: { lastModifiedAt: modifiedAt },
    properties: { ...properties, ...state },
  }
}

function present(stored: StoredObject): WorkspaceObject {
  const { id, body, etag, modifiedAt } = stored
  return {
    id,
    body: copyOf(body),
    ...(etag === undefined ? {} : { etag }),
    ...(modifiedAt === undefined ? {} : { modifiedAt }),
  }
}

function startJob(body: JsonObject): JsonObject {
  const properties = isObject(body.properties) ? body.properties : {}
  return { ...body, properties: { ...properties, status: 'Running' } }
}

/** False when there is no such job. A job in one of `final` stays as it is. */
export function setJobStatus(
  world: MemoryWorld,
  name: string,
  status: string,
  final: readonly string[] = [],
): boolean {
  const key = formatObjectId({ kind: 'job', path: [name] })
  const job = world.objects.get(key)
  if (job === undefined) return false
  const properties = isObject(job.body.properties) ? job.body.properties : {}
  if (final.includes(String(properties.status))) return true
  const modifiedAt = nextTime(world)
  world.objects.set(key, {
    ...job,
    body: { ...job.body, properties: { ...properties, status } },
    etag: nextEtag(world),
    modifiedAt,
  })
  return true
}
