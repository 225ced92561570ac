import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { HoldfastError, isHoldfastError } from '../model/errors.ts'
import type { JsonObject } from '../model/json.ts'
import { armKind } from '../model/kinds.ts'
import type { BlobStoreName, Workspace } from '../workspace/workspace.ts'
import {
  convertComponent,
  convertData,
  convertEnvironment,
  convertFeatureEntity,
  convertFeatureSet,
  convertModel,
} from './convert-assets.ts'
import { convertJob } from './convert-jobs.ts'
import {
  type Converted,
  convertBatchDeployment,
  convertBatchEndpoint,
  convertCompute,
  convertConnection,
  convertDatastore,
  convertOnlineDeployment,
  convertOnlineEndpoint,
  convertSchedule,
} from './convert-resources.ts'
import { optionalText, text } from './document.ts'
import { type ImportAction, ImportSession, type Where } from './import-session.ts'
import { readFolder } from './read-folder.ts'
import { withSecrets } from './secret-references.ts'
import {
  type Specification,
  type SpecificationType,
  specificationTypes,
  type Unsupported,
} from './specification.ts'

export interface ImportOptions {
  /** Job files are executed when submitted, so only on request. */
  readonly submitJobs: boolean
  readonly epoch: number
  /** Makes a wrapped secret of plain values; passed in so that this part holds none longer than needed. */
  readonly wrapSecret: (value: JsonObject) => import('../workspace/workspace.ts').Secret
  readonly onAction?: (done: number, total: number, action: ImportAction) => void
  readonly signal?: AbortSignal
  /** For deployments that name no endpoint, as the CLI's own `--endpoint-name`. */
  readonly endpointName?: string
  /** Where `${HOLDFAST_SECRET_…}` is looked up: the environment of the process. */
  readonly variables?: Readonly<Record<string, string | undefined>>
  /** Name of a job without one; the official client invents a name too. */
  readonly jobName: (specification: Specification) => string
}

export interface ImportPlan {
  readonly actions: readonly ImportAction[]
  readonly specifications: readonly Specification[]
  readonly unsupported: readonly Unsupported[]
  readonly failed: readonly { readonly file: string; readonly error: HoldfastError }[]
  readonly unknownKeys: readonly { readonly place: string; readonly key: string }[]
}

export interface ImportResult extends ImportPlan {
  readonly done: number
  readonly bytes: number
}

/** Decides everything and changes nothing: what `--dry-run` prints and `applyImport` does (D7). */
export async function planImport(
  workspace: Workspace,
  root: string,
  options: Pick<ImportOptions, 'submitJobs' | 'jobName' | 'endpointName' | 'variables'>,
): Promise<ImportPlan> {
  const folder = await readFolder(root)
  const session = new ImportSession(workspace, await workspace.describe(), {
    environment: convertEnvironment,
    component: convertComponent,
    model: convertModel,
  })
  const failed: Array<{ file: string; error: HoldfastError }> = folder.mistakes.map((error) => ({
    file: error.place ?? root,
    error,
  }))
  const unsupported = [...folder.unsupported]
  const deferred: Array<() => void> = []
  for (const specification of inOrder(folder.specifications)) {
    if (specification.type === 'workspace') {
      unsupported.push({
        file: specification.file,
        schema: 'workspace',
        reason: 'a workspace is made by its own template; import fills an existing one',
      })
      continue
    }
    if (specification.type === 'job' && !options.submitJobs) {
      unsupported.push({
        file: specification.file,
        schema: 'job',
        reason: 'jobs run when they are created; pass --submit-jobs',
      })
      continue
    }
    try {
      await session.attempt(() => convert(session, specification, options, deferred))
    } catch (error) {
      failed.push({
        file: specification.file,
        error: isHoldfastError(error)
          ? error
          : new HoldfastError('specification.failed', String(error), {
              place: specification.file,
              cause: error,
            }),
      })
    }
  }
  for (const put of deferred) put()
  return {
    actions: session.actions,
    specifications: folder.specifications,
    unsupported,
    failed,
    unknownKeys: session.unknownKeys,
  }
}

/** Performs the plan: bytes first, then objects in order; stops at nothing, reports everything that failed. */
export async function applyImport(
  workspace: Workspace,
  plan: ImportPlan,
  options: ImportOptions,
): Promise<ImportResult> {
  const failed = [...plan.failed]
  let done = 0
  let bytes = 0
  for (const [index, action] of plan.actions.entries()) {
    options.signal?.throwIfAborted()
    try {
      await perform(workspace, action, options)
      done += 1
      if (action.action === 'upload') bytes += action.sizeBytes
    } catch (error) {
      if (
        isHoldfastError(error) &&
        (error.kind === 'cancelled' || error.code === 'workspace.unreachable')
      )
        throw error
      const file = action.action === 'upload' ? action.path : action.file
      failed.push({
        file,
        error: isHoldfastError(error)
          ? error
          : new HoldfastError('import.failed', String(error), { place: file, cause: error }),
      })
    }
    options.onAction?.(index + 1, plan.actions.length, action)
  }
  return { ...plan, failed, done, bytes }
}

async function perform(
  workspace: Workspace,
  action: ImportAction,
  options: ImportOptions,
): Promise<void> {
  const call = { epoch: options.epoch, ...(options.signal ? { signal: options.signal } : {}) }
  if (action.action === 'submit') {
    await workspace.submitJob(action.name, action.body, call)
    return
  }
  if (action.action === 'put') {
    await workspace.putObject(action.id, action.body, {
      ...call,
      ...(action.secrets ? { secrets: options.wrapSecret(action.secrets) } : {}),
    })
    return
  }
  await upload(workspace, action.store, action, call)
}

async function upload(
  workspace: Workspace,
  store: BlobStoreName,
  action: Extract<ImportAction, { action: 'upload' }>,
  call: { epoch: number },
): Promise<void> {
  const existing = await workspace.getBlob(store, action.name)
  // Content-addressed: a blob that carries the same hash is the same upload (the clients' own rule).
  if (
    existing?.metadata.sha256 === action.metadata.sha256 &&
    existing?.sizeBytes === action.sizeBytes
  )
    return
  const content = Readable.toWeb(createReadStream(action.path)) as ReadableStream<Uint8Array>
  await workspace.writeBlob(
    store,
    {
      name: action.name,
      sizeBytes: action.sizeBytes,
      etag: '',
      modifiedAt: '',
      metadata: action.metadata,
    },
    content,
    call,
  )
}

/** References point to lower waves, so importing by wave finds them; within one wave by path. */
function inOrder(specifications: readonly Specification[]): Specification[] {
  const rank = (s: Specification) =>
    specificationTypes.indexOf(s.type) * 2 +
    (s.type === 'component' && s.variant === 'pipeline' ? 1 : 0)
  return [...specifications].sort((a, b) => rank(a) - rank(b))
}

/**
 * Traffic can name only deployments that exist, so a new endpoint is put twice: without traffic before
 * its deployments, with it after them. One that exists keeps its traffic meanwhile.
 */
async function putEndpoint(
  session: ImportSession,
  specification: Specification,
  deferred: Array<() => void>,
): Promise<void> {
  const where: Where = { file: specification.file, key: '' }
  const id = { kind: 'online-endpoint', path: [nameOf(specification)] } as const
  const { body } = await convertOnlineEndpoint(
    session,
    specification.document,
    specification.variant,
    where,
  )
  const { traffic, mirrorTraffic, ...properties } = body.properties as JsonObject
  if (traffic === undefined && mirrorTraffic === undefined) {
    session.put(id, body, where)
    return
  }
  if ((await session.workspace.getObject(id)) === undefined) {
    session.put(id, { ...body, properties }, where)
  }
  deferred.push(() => session.put(id, body, where))
}

async function convert(
  session: ImportSession,
  specification: Specification,
  options: Pick<ImportOptions, 'jobName' | 'endpointName' | 'variables'>,
  deferred: Array<() => void>,
): Promise<void> {
  const { type, variant, file } = specification
  const document = withSecrets(specification.document, options.variables ?? {}, file)
  const where: Where = { file, key: '' }
  const versioned = async (body: JsonObject) => {
    const kind = type as
      | 'environment'
      | 'data'
      | 'model'
      | 'component'
      | 'feature-entity'
      | 'feature-set'
    const name = nameOf(specification)
    const version = await session.versionFor(kind, name, optionalText(document.version, file), body)
    session.put({ kind, path: [name, version] }, withSpecVersion(body, version), where)
  }
  const single = (converted: Converted, path: readonly string[]) => {
    if (armKind(type as 'compute') === undefined)
      throw new HoldfastError('specification.unsupported', `no kind ${type}`, { place: file })
    session.put({ kind: type as 'compute', path }, converted.body, where, converted.secrets)
  }
  const makers: Readonly<Record<Exclude<SpecificationType, 'workspace'>, () => Promise<void>>> = {
    environment: async () => versioned(await convertEnvironment(session, document, where)),
    data: async () => versioned(await convertData(session, document, where)),
    model: async () => versioned(await convertModel(session, document, where)),
    component: async () => versioned(await convertComponent(session, document, where)),
    'feature-entity': async () => versioned(await convertFeatureEntity(session, document, where)),
    'feature-set': async () => versioned(await convertFeatureSet(session, document, where)),
    compute: async () =>
      single(await convertCompute(session, document, variant, where), [nameOf(specification)]),
    datastore: async () =>
      single(await convertDatastore(session, document, variant, where), [nameOf(specification)]),
    connection: async () =>
      single(await convertConnection(session, document, variant, where), [nameOf(specification)]),
    'online-endpoint': async () => putEndpoint(session, specification, deferred),
    'batch-endpoint': async () =>
      single(await convertBatchEndpoint(session, document, where), [nameOf(specification)]),
    'online-deployment': async () =>
      single(await convertOnlineDeployment(session, document, variant, where), [
        endpointOf(specification, options.endpointName),
        nameOf(specification),
      ]),
    'batch-deployment': async () =>
      single(await convertBatchDeployment(session, document, variant, where), [
        endpointOf(specification, options.endpointName),
        nameOf(specification),
      ]),
    schedule: async () =>
      single(await convertSchedule(session, document, where), [nameOf(specification)]),
    job: async () =>
      session.submit(
        optionalText(document.name, file) ?? options.jobName(specification),
        await convertJob(session, document, variant, where),
        where,
      ),
  }
  if (type !== 'workspace') await makers[type]()
}

/** A component's specification says its version, as the official client writes it. */
function withSpecVersion(body: JsonObject, version: string): JsonObject {
  const properties = body.properties as JsonObject
  if (properties.componentSpec === undefined) return body
  const componentSpec = { ...(properties.componentSpec as JsonObject), version }
  return { ...body, properties: { ...properties, componentSpec } }
}

function nameOf({ document, file }: Specification): string {
  if (document.name === undefined)
    throw new HoldfastError('specification.missing', 'the specification has no name', {
      place: file,
      hint: 'Add name: …',
    })
  return text(document.name, `${file}: name`)
}

function endpointOf({ document, file }: Specification, fallback: string | undefined): string {
  if (document.endpoint_name === undefined && fallback !== undefined) return fallback
  if (document.endpoint_name === undefined)
    throw new HoldfastError('specification.missing', 'a deployment needs endpoint_name', {
      place: file,
      hint: 'Add endpoint_name: … or pass --endpoint-name.',
    })
  return text(document.endpoint_name, `${file}: endpoint_name`)
}
