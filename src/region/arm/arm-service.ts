import type Database from 'libsql'
import {
  type ArmResource,
  AzureError,
  type Caller,
  type KindBehaviour,
  type RegionLog,
} from '../context.ts'
import { describe } from '../http/azure-answer.ts'
import { inTransaction } from '../store/database.ts'
import type { BinnedResource, RecycleBin } from '../store/recycle-bin.ts'
import type { ArmStore } from '../store/resource-store.ts'
import { idKey, parentId, parseArmPath } from './arm-path.ts'
import { containerDocument, isVersionType } from './asset-versions.ts'
import type { BehaviourRegistry } from './behaviour-registry.ts'
import { asRecord, type Document, mergePatch } from './document.ts'
import type { Operation, OperationError, Operations } from './operations.ts'
import { hasProvisioningState, withoutReadOnly } from './read-only.ts'
import { planRemoval } from './removal.ts'

export interface Conditions {
  readonly ifMatch?: string | undefined
  readonly ifNoneMatch?: string | undefined
}
export interface WriteRequest {
  readonly id: string
  readonly type: string
  readonly method: 'PUT' | 'PATCH'
  readonly body: Document
  readonly query: Readonly<Record<string, string>>
  readonly conditions: Conditions
  readonly actor: Caller
}
export interface RemoveRequest {
  readonly id: string
  readonly query: Readonly<Record<string, string>>
  readonly conditions: Conditions
}
export interface WriteResult {
  readonly resource: ArmResource
  readonly change: 'created' | 'updated'
  readonly style: NonNullable<KindBehaviour['lro']>
  /** Only for kinds whose writes are long-running. */
  readonly operation: Operation | undefined
}

/** Writes of the generic ARM store, with each kind's behaviour around them. */
export interface ArmService {
  write(request: WriteRequest): Promise<WriteResult>
  /** Waits for the work of a write; resolves with its error, if any. */
  outcome(result: WriteResult): Promise<OperationError | undefined>
  /** Undefined when there was nothing to delete. */
  remove(request: RemoveRequest): Promise<{ operation: Operation | undefined } | undefined>
  /** Ends what has been in the recycle bin for as long as its kind keeps it. */
  purgeDue(now: Date): Promise<void>
  /** Takes a resource in the recycle bin away for good. */
  purge(id: string): Promise<void>
  /** Takes up the operations that had not settled when the region stopped. */
  resume(): void
  /** Waits for the work that runs now. */
  idle(): Promise<void>
}

export function armService(options: {
  readonly db: Database.Database
  readonly store: ArmStore
  readonly bin: RecycleBin
  readonly clock: () => Date
  readonly operations: Operations
  readonly behaviours: BehaviourRegistry
  readonly regionName: string
  readonly log: RegionLog
  /** Holds the end of a long-running operation back, once its work is done. */
  readonly untilOperationEnds?: (operation: Operation) => Promise<void>
}): ArmService {
  const { db, store, bin, clock, operations, behaviours, log } = options
  const { untilOperationEnds = async () => undefined } = options
  const running = new Map<string, Promise<unknown>>()

  async function write(request: WriteRequest): Promise<WriteResult> {
    const { id, type, method, actor } = request
    const behaviour = behaviours.of(type)
    const style = behaviour?.lro ?? 'sync'
    const existing = store.get(id)
    if (existing && existing.type.toLowerCase() !== type.toLowerCase())
      throw new AzureError(409, 'InvalidResourceType', `'${id}' exists with another type.`)
    if (!existing && method === 'PATCH') throw notFound(id)
    if (!existing && bin.get(id)) return recover(request)
    checkConditions(request.conditions, existing)
    const written = withoutReadOnly(type, request.body, existing?.body)
    const body = method === 'PATCH' && existing ? mergePatch(existing.body, written) : written
    const { query } = request
    const decision = behaviour?.beforePut?.({ id, body, existing, method, query, actor }) ?? {
      body,
    }
    const change = existing ? 'updated' : 'created'
    const state = style === 'sync' ? 'Succeeded' : existing ? 'Updating' : 'Creating'
    const document = withState(type, style, decision.body, state)
    const { resource, operation } = inTransaction(db, () => {
      ensureParents(id, type, document, actor)
      const secrets = decision.secrets && { secrets: decision.secrets }
      const stored = store.put(id, type, { body: document, ...secrets }, actor)
      const started =
        style !== 'sync' || behaviour?.afterPut
          ? operations.start(stored.id, type, { kind: 'put', change, actor })
          : undefined
      return { resource: stored, operation: started }
    })
    if (operation) {
      const work = perform(operation)
      if (style === 'sync') {
        const error = await work
        if (error) throw new AzureError(error.status, error.code, error.message)
      }
    }
    return {
      resource: store.get(id) ?? resource,
      change,
      style,
      operation: style === 'sync' ? undefined : operation,
    }
  }

  /** A name in the recycle bin is free for the resource that bears it, and for nothing else. */
  async function recover(request: WriteRequest): Promise<WriteResult> {
    const { id, type, body, actor } = request
    const soft = behaviours.of(type)?.softDelete
    const change = soft?.recovery(body)
    if (!change) throw soft?.blocked() ?? notFound(id)
    inTransaction(db, () => {
      ensureParents(id, type, {}, actor)
      bin.restore(id)
    })
    return write({ ...request, method: 'PATCH', body: change })
  }

  /** Subscription and resource group come into being with the first resource in them. */
  function ensureParents(id: string, type: string, body: Document, actor: Caller): void {
    const parent = parentId(id)
    if (parent === '' || store.get(parent)) return
    const { id: canonicalId, type: parentType, name } = parseArmPath(encodePath(parent))
    const key = parentType.toLowerCase()
    if (key === 'microsoft.resources/subscriptions') {
      const document = { subscriptionId: name, displayName: name, state: 'Enabled' }
      store.put(canonicalId, parentType, { body: document }, actor)
    } else if (key === 'microsoft.resources/resourcegroups') {
      ensureParents(canonicalId, parentType, {}, actor)
      const properties = { provisioningState: 'Succeeded' }
      const document = { location: options.regionName, tags: {}, properties }
      store.put(canonicalId, parentType, { body: document }, actor)
    } else if (isVersionType(type)) {
      ensureParents(canonicalId, parentType, {}, actor)
      store.put(canonicalId, parentType, { body: containerDocument(parentType, body) }, actor)
    } else if (behaviours.of(parentType)?.implicit?.(canonicalId)) {
      ensureParents(canonicalId, parentType, {}, actor)
      const { body } = behaviours.of(parentType)?.implicit?.(canonicalId) ?? { body: {} }
      store.put(canonicalId, parentType, { body }, actor)
    } else {
      throw new AzureError(
        404,
        'ParentResourceNotFound',
        `Failed to perform 'write' on resource(s) of type '${type}', because the parent resource '${parent}' could not be found.`,
      )
    }
  }

  async function remove({ id, query, conditions }: RemoveRequest) {
    const existing = store.get(id)
    const binned = bin.get(id)
    if (!existing) return binned && purgeNow(binned, query)
    checkConditions(conditions, existing)
    const behaviour = behaviours.of(existing.type)
    // Asked of the resource itself only: deleting an endpoint takes its deployments along.
    behaviour?.beforeDelete?.(existing)
    const operation = takeAway(existing, behaviour?.softDelete?.isPurge(query) === true)
    const work = perform(operation)
    if (isLong(operation)) return { operation }
    const error = await work
    if (error) throw new AzureError(error.status, error.code, error.message)
    return { operation: undefined }
  }

  /** The writes of a delete, in one transaction with the operation that finishes it. */
  function takeAway(existing: ArmResource, isPurge: boolean): Operation {
    const descendants = store.descendants(existing.id)
    const { setAside, removed } = planRemoval(existing, descendants, behaviours)
    if (setAside.length > 0)
      for (const resource of descendants) behaviours.of(resource.type)?.beforeSetAside?.(resource)
    return inTransaction(db, () => {
      for (const resource of removed) store.delete(resource.id)
      const now = clock()
      for (const { resource, days } of setAside)
        bin.take(resource.id, now, new Date(now.getTime() + (isPurge ? 0 : days * dayMs)))
      const purged = isPurge ? setAside.map(({ resource }) => resource.id) : []
      return operations.start(existing.id, existing.type, { kind: 'delete', removed, purged })
    })
  }

  /** `forceToPurge` of what is in the bin already. */
  function purgeNow(binned: BinnedResource, query: RemoveRequest['query']) {
    if (behaviours.of(binned.type)?.softDelete?.isPurge(query) !== true) return undefined
    const { id, type } = binned
    const operation = operations.start(id, type, { kind: 'delete', removed: [], purged: [id] })
    void perform(operation)
    return { operation }
  }

  /** Runs an operation's work to its end and records it; resolves with the error, if any. */
  function perform(operation: Operation): Promise<OperationError | undefined> {
    const key = idKey(operation.resourceId)
    const before = running.get(key) ?? Promise.resolve()
    // One at a time per resource, in the order of the writes. `settle` never rejects.
    const work = before.then(() => settle(operation))
    running.set(key, work)
    return work.finally(() => {
      if (running.get(key) === work) running.delete(key)
    })
  }

  async function settle(operation: Operation): Promise<OperationError | undefined> {
    let error: OperationError | undefined
    try {
      await work(operation)
    } catch (cause) {
      error = toOperationError(cause)
    }
    if (isLong(operation)) await untilOperationEnds(operation)
    inTransaction(db, () => {
      if (operation.work.kind === 'put')
        store.amend(operation.resourceId, (body) =>
          asRecord(body.properties).provisioningState === undefined
            ? body
            : withState(operation.type, 'location', body, error ? 'Failed' : 'Succeeded'),
        )
      operations.settle(operation.id, error)
    })
    return error
  }

  /** Whether the client was told to come back, and not kept waiting. */
  const isLong = ({ type, work }: Operation): boolean =>
    (behaviours.of(type)?.lro ?? 'sync') !== 'sync' ||
    (work.kind === 'delete' && longDeletes.has(idKey(type)))

  async function work(operation: Operation): Promise<void> {
    const { work } = operation
    if (work.kind === 'put') {
      const resource = store.get(operation.resourceId)
      if (resource)
        await behaviours.of(operation.type)?.afterPut?.(resource, work.change, work.actor)
    } else if (work.kind === 'delete') {
      for (const resource of work.removed)
        await behaviours.of(resource.type)?.afterDelete?.(resource)
      for (const id of work.purged ?? []) await purge(id)
    }
  }

  /** The name is free only when nothing of the old bearer is left. */
  async function purge(id: string): Promise<void> {
    const binned = bin.get(id)
    if (!binned) return
    await behaviours.of(binned.type)?.softDelete?.purge(binned)
    bin.purge(id)
  }

  function toOperationError(cause: unknown): OperationError {
    if (cause instanceof AzureError) {
      const { status, code, message } = cause
      return { status, code, message }
    }
    log.error({ error: describe(cause) }, 'operation failed')
    return {
      status: 500,
      code: 'InternalServerError',
      message: 'The operation failed unexpectedly.',
    }
  }

  return {
    write,
    remove,
    purge,
    async purgeDue(now) {
      for (const { id } of bin.due(now)) await purge(id)
    },
    async outcome({ resource, operation }) {
      if (!operation) return undefined
      await running.get(idKey(resource.id))
      return operations.get(operation.id)?.error
    },
    resume() {
      for (const operation of operations.unsettled()) void perform(operation)
    },
    async idle() {
      await Promise.allSettled([...running.values()])
    },
  }
}

const dayMs = 24 * 3_600_000

/** Kinds that are written at once but deleted as a long-running operation. */
const longDeletes = new Set([
  'microsoft.machinelearningservices/workspaces/jobs',
  'microsoft.resources/resourcegroups',
])

function withState(type: string, style: string, body: Document, state: string): Document {
  if (style === 'sync' && !hasProvisioningState(type)) return body
  return { ...body, properties: { ...asRecord(body.properties), provisioningState: state } }
}

function checkConditions(conditions: Conditions, existing: ArmResource | undefined): void {
  const { ifMatch, ifNoneMatch } = conditions
  const matches = (header: string) =>
    existing !== undefined &&
    (header.trim() === '*' || header.split(',').some((tag) => tag.trim() === existing.etag))
  if ((ifMatch !== undefined && !matches(ifMatch)) || (ifNoneMatch && matches(ifNoneMatch)))
    throw new AzureError(
      412,
      'PreconditionFailed',
      'The condition specified using HTTP conditional header(s) is not met.',
    )
}

const encodePath = (id: string) => id.split('/').map(encodeURIComponent).join('/')

export function notFound(id: string): AzureError {
  const [, group] = /\/resourcegroups\/([^/]+)/i.exec(id) ?? []
  const resource = id.replace(/^.*\/providers\//i, '')
  return new AzureError(
    404,
    'ResourceNotFound',
    group === undefined
      ? `The resource '${resource}' was not found.`
      : `The Resource '${resource}' under resource group '${group}' was not found.`,
  )
}
