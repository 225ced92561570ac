import { writableObject } from '../model/canonical.ts'
import { type HoldfastError, isHoldfastError } from '../model/errors.ts'
import type { JsonObject } from '../model/json.ts'
import { armKind, type Kind } from '../model/kinds.ts'
import { formatObjectId, type ObjectId } from '../model/object-id.ts'
import type { CallOptions, Workspace, WorkspaceObject } from '../workspace/workspace.ts'
import {
  exportComponent,
  exportData,
  exportEnvironment,
  exportFeatureEntity,
  exportFeatureSet,
  exportModel,
} from './export-assets.ts'
import { exportSchedule } from './export-jobs.ts'
import {
  exportBatchDeployment,
  exportBatchEndpoint,
  exportCompute,
  exportConnection,
  exportDatastore,
  exportOnlineDeployment,
  exportOnlineEndpoint,
} from './export-resources.ts'
import { type ExportFile, ExportSession } from './export-session.ts'
import { object } from './reverse.ts'
import { withReferences } from './secret-references.ts'
import { specificationText } from './specification-text.ts'

export interface ExportOptions extends CallOptions {
  /** Empty: all. */
  readonly kinds: readonly Kind[]
  /** A temporary folder for files on their way; the caller removes it. */
  readonly staging: string
  readonly onObject?: (id: ObjectId, done: number) => void
}

export interface ExportPlan {
  /** Not every object is in it, so that a file which is not in it says nothing about its object. */
  readonly isPartial: boolean
  /** Path below the folder, `/`-separated -> content; in path order. */
  readonly files: ReadonlyMap<string, ExportFile>
  readonly counts: Readonly<Partial<Record<Kind, number>>>
  readonly leftOut: readonly { readonly object: string; readonly reason: string }[]
  readonly failed: readonly { readonly object: string; readonly error: HoldfastError }[]
  /** What a specification cannot say. */
  readonly notCarried: readonly { readonly object: string; readonly key: string }[]
}

type Exporter = (
  session: ExportSession,
  body: JsonObject,
  id: ObjectId,
  file: string,
) => Promise<JsonObject>

interface KindExport {
  readonly folder: string
  readonly schema: string | ((document: JsonObject) => string)
  readonly convert: Exporter
}

const datastoreSchemas: Readonly<Record<string, string>> = {
  azure_blob: 'azureBlob',
  azure_file: 'azureFile',
  azure_data_lake_gen1: 'azureDataLakeGen1',
  azure_data_lake_gen2: 'azureDataLakeGen2',
}
const computeSchemas: Readonly<Record<string, string>> = {
  amlcompute: 'amlCompute',
  computeinstance: 'computeInstance',
  virtualmachine: 'vmCompute',
  kubernetes: 'kubernetesCompute',
}
const ofType = (schemas: Readonly<Record<string, string>>) => (document: JsonObject) =>
  schemas[String(document.type)] ?? String(document.type)

/** In the order in which files are read back. */
const exports: Readonly<Partial<Record<Kind, KindExport>>> = {
  connection: { folder: 'connections', schema: 'connection', convert: exportConnection },
  datastore: {
    folder: 'datastores',
    schema: ofType(datastoreSchemas),
    convert: exportDatastore,
  },
  compute: { folder: 'computes', schema: ofType(computeSchemas), convert: exportCompute },
  environment: {
    folder: 'environments',
    schema: 'environment',
    convert: (session, body, _id, file) => exportEnvironment(session, body, file),
  },
  data: { folder: 'data', schema: 'data', convert: exportData },
  model: { folder: 'models', schema: 'model', convert: exportModel },
  component: {
    folder: 'components',
    schema: ({ type }) => `${String(type ?? 'command')}Component`,
    convert: (session, body, _id, file) => exportComponent(session, body, file),
  },
  'feature-entity': {
    folder: 'feature-entities',
    schema: 'featureStoreEntity',
    convert: exportFeatureEntity,
  },
  'feature-set': { folder: 'feature-sets', schema: 'featureSet', convert: exportFeatureSet },
  'online-endpoint': {
    folder: 'online-endpoints',
    schema: 'managedOnlineEndpoint',
    convert: exportOnlineEndpoint,
  },
  'batch-endpoint': {
    folder: 'batch-endpoints',
    schema: 'batchEndpoint',
    convert: exportBatchEndpoint,
  },
  'online-deployment': {
    folder: 'online-endpoints',
    schema: 'managedOnlineDeployment',
    convert: exportOnlineDeployment,
  },
  'batch-deployment': {
    folder: 'batch-endpoints',
    schema: ({ type }) =>
      type === 'pipeline' ? 'pipelineComponentBatchDeployment' : 'modelBatchDeployment',
    convert: exportBatchDeployment,
  },
  schedule: {
    folder: 'schedules',
    schema: 'schedule',
    convert: (session, body, _id, file) => exportSchedule(session, body, file),
  },
}

export const exportedKinds = Object.keys(exports) as Kind[]

/** Reads a workspace and decides every file of its export; writes nothing but to `staging`. */
export async function planExport(
  workspace: Workspace,
  options: ExportOptions,
): Promise<ExportPlan> {
  const call = options.signal ? { signal: options.signal } : {}
  const session = new ExportSession({
    workspace,
    place: await workspace.describe(call),
    staging: options.staging,
    call,
    nameless: {
      environment: (one, body, file) =>
        exportEnvironment(one, writableObject(idOf('environment'), body), file),
      component: (one, body, file) =>
        exportComponent(one, writableObject(idOf('component'), body), file),
    },
  })
  const counts: Partial<Record<Kind, number>> = {}
  const leftOut: Array<{ object: string; reason: string }> = []
  const failed: Array<{ object: string; error: HoldfastError }> = []
  let done = 0
  const wanted = options.kinds.length === 0 ? exportedKinds : options.kinds
  for (const kind of exportedKinds.filter((one) => wanted.includes(one))) {
    for await (const found of all(workspace, kind, call)) {
      const reason = whyLeftOut(found)
      if (reason !== undefined) {
        if (reason !== silent) leftOut.push({ object: formatObjectId(found.id), reason })
        continue
      }
      try {
        await exportOne(session, found)
        counts[kind] = (counts[kind] ?? 0) + 1
      } catch (error) {
        if (!isHoldfastError(error) || error.kind === 'cancelled') throw error
        failed.push({ object: formatObjectId(found.id), error })
      }
      done += 1
      options.onObject?.(found.id, done)
    }
  }
  const files = new Map([...session.files].sort(([a], [b]) => (a < b ? -1 : 1)))
  const isPartial = options.kinds.length > 0 || failed.length > 0
  return { isPartial, files, counts, leftOut, failed, notCarried: session.notCarried }
}

async function exportOne(session: ExportSession, { id, body }: WorkspaceObject): Promise<void> {
  const one = exports[id.kind]
  if (one === undefined) return
  const file = `${one.folder}/${id.path.map(fileName).join('/')}.yml`
  const document = await one.convert(session, withOpenCredentials(id, body), id, file)
  const named = withReferences(withName(id, document), id.kind, id.path.join('_'))
  const schema = typeof one.schema === 'string' ? one.schema : one.schema(named)
  const isKubernetes =
    body.kind === 'K8S' || object(body.properties).endpointComputeType === 'Kubernetes'
  const address = `https://azuremlschemas.azureedge.net/latest/${
    isKubernetes ? schema.replace('managed', 'kubernetes') : schema
  }.schema.json`
  const kubernetes = isKubernetes && id.kind === 'online-deployment' ? { type: 'kubernetes' } : {}
  session.files.set(file, {
    text: specificationText({ $schema: address, ...named, ...kubernetes }),
  })
}

/** Who signs in and where is no secret and is shown; what else the service may answer is not taken. */
const openCredentials = ['username', 'clientId', 'tenantId', 'resourceId', 'authUrl']

function withOpenCredentials(id: ObjectId, body: JsonObject): JsonObject {
  const writable = writableObject(id, body)
  if (id.kind !== 'connection') return writable
  const shown = Object.entries(object(object(body.properties).credentials)).filter(
    ([key, value]) => openCredentials.includes(key) && typeof value === 'string',
  )
  const credentials = Object.fromEntries(shown)
  return { ...writable, properties: { ...object(writable.properties), credentials } }
}

function withName(id: ObjectId, document: JsonObject): JsonObject {
  const isDeployment = id.kind.endsWith('deployment')
  const name = (isDeployment ? id.path[1] : id.path[0]) ?? ''
  const version = isDeployment ? undefined : id.path[1]
  // A component's own spelling stays: its specification is its content.
  const isSaid = version !== undefined && String(document.version) === version
  const versioned = version === undefined || isSaid ? {} : { version }
  return { ...document, name, ...versioned }
}

const silent = ''

/** Why an object has no file; `silent` for what comes with others or with every workspace. */
function whyLeftOut({ id, body }: WorkspaceObject): string | undefined {
  const name = id.path[0] ?? ''
  const properties = object(body.properties)
  if (properties.isAnonymous === true) return silent
  if (/^(azureml_anonymous|CliV2AnonymousEnvironment)$/.test(name)) return silent
  if (id.kind === 'environment' && name.startsWith('AzureML-')) return silent
  if (id.kind === 'datastore' && systemDatastores.test(name)) return silent
  if (properties.isArchived === true) return 'it is archived, which a specification cannot say'
  if (
    id.kind === 'compute' &&
    computeSchemas[String(properties.computeType).toLowerCase()] === undefined
  )
    return `a specification cannot describe a compute of type ${String(properties.computeType)}`
  return undefined
}

const systemDatastores =
  /^(workspace(blob|artifact|file)store|workspaceworkingdirectory|azureml_globaldatasets)$/

async function* all(
  workspace: Workspace,
  kind: Kind,
  call: CallOptions,
): AsyncGenerator<WorkspaceObject> {
  if (armKind(kind) === undefined || !workspace.capabilities.kinds.has(kind)) return
  let cursor: string | undefined
  do {
    const page = await workspace.listObjects(kind, {
      ...call,
      ...(cursor === undefined ? {} : { cursor }),
    })
    yield* page.items
    cursor = page.cursor
  } while (cursor !== undefined)
}

const idOf = (kind: Kind): ObjectId => ({ kind, path: ['', ''] })

/** A name as a file name: what file systems forbid is escaped, and so is a leading dot. */
function fileName(name: string): string {
  return encodeURIComponent(name).replace(/^\./, '%2E').replaceAll('*', '%2A')
}
