import { HoldfastError } from '../../model/errors.ts'
import { isObject } from '../../model/field-path.ts'
import type { JsonObject } from '../../model/json.ts'
import { armKinds, type Kind } from '../../model/kinds.ts'
import type { ObjectId } from '../../model/object-id.ts'
import type { Place } from '../../model/place.ts'
import { dateOf } from '../date-header.ts'
import { metricsOf } from '../metrics-of.ts'
import { probeResultOf } from '../probe-result.ts'
import { secretOf } from '../secret.ts'
import type {
  CallOptions,
  Marker,
  Plane,
  ProbeResult,
  ScoringAnswer,
  Secret,
  Workspace,
  WorkspaceObject,
  WriteOptions,
} from '../workspace.ts'
import { readAccess } from './access.ts'
import { ArmObjects } from './arm-objects.ts'
import { AzureBlobs } from './blobs.ts'
import { readCapacity } from './capacity.ts'
import { type Cloud, openCloud } from './cloud.ts'
import { completedSteps } from './completed-steps.ts'
import { HttpClient } from './http-client.ts'
import { Images } from './images.ts'
import { readMarker, writeMarker } from './marker.ts'
import { findNotProtected } from './not-protected.ts'
import { describePlace } from './place.ts'
import { readResourceHealth } from './resource-health.ts'
import { RoleAssignments } from './role-assignments.ts'
import { RunHistory } from './run-history.ts'
import { Scoring } from './scoring.ts'
import { SealingKeys } from './sealing-keys.ts'
import { readServiceEvents } from './service-events.ts'

export interface AzureMlOptions {
  /** Member name, for messages. */
  readonly name: string
  /** ARM id of the workspace. */
  readonly workspaceId: string
  /** Azure cloud by name, or the path of a local region's cloud file. */
  readonly cloud: string
  /** Folder that a relative cloud path starts from. */
  readonly folder: string
  /** Principals that the plan maps: here -> the one at its primary, by which both sides know them. */
  readonly principalNames?: Readonly<Record<string, string>>
  readonly clock?: () => Date
}

/** What a plane needs of the parts below; each is opened at its first use and kept. */
interface Connected {
  readonly place: Place
  readonly blobs: AzureBlobs
  readonly history: RunHistory
  readonly images: Images
}

/**
 * Opens a workspace of Azure ML, or of anything that speaks its REST (design D1). Nothing is asked of
 * the service until the first call, so that an unreachable member can still be named and probed.
 */
export async function openAzureMlWorkspace(
  options: AzureMlOptions,
): Promise<Workspace & { readonly cloud: Cloud }> {
  const cloud = await openCloud(options.cloud, options.folder)
  return new AzureMlWorkspace(options, cloud)
}

class AzureMlWorkspace implements Workspace {
  readonly name: string
  readonly cloud: Cloud
  readonly capabilities = {
    keepsRunIds: true,
    artifacts: 'in-stores' as const,
    limits: { runsPerRead: 1, valuesPerWrite: 250 },
    kinds: new Set<Kind>([
      'workspace',
      'experiment',
      'run',
      'blob',
      'image',
      ...armKinds.map((k) => k.kind),
      'role-assignment',
    ]),
    copiesFromUrl: true,
  }
  readonly #id: string
  readonly #http: HttpClient
  readonly #objects: ArmObjects
  readonly #roles: RoleAssignments
  readonly #scoring: Scoring
  readonly #sealingKeys: SealingKeys
  readonly #clock: () => Date
  #connected: Promise<Connected> | undefined

  constructor(options: AzureMlOptions, cloud: Cloud) {
    this.name = options.name
    this.cloud = cloud
    this.#id = options.workspaceId
    this.#clock = options.clock ?? (() => new Date())
    this.#http = new HttpClient(options.name, cloud)
    this.#objects = new ArmObjects(this.#http, cloud.resourceManager, options.workspaceId)
    this.#roles = new RoleAssignments(this.#http, this.#objects, {
      member: options.name,
      workspaceId: options.workspaceId,
      principalNames: options.principalNames ?? {},
    })
    this.#sealingKeys = new SealingKeys(options.name, this.#http, cloud)
    this.#scoring = new Scoring(options.name, this.#objects, cloud)
  }

  async describe(options: CallOptions = {}): Promise<Place> {
    // Read anew: a caller that asks where a workspace is wants to know, not to remember.
    const { place } = await describePlace(this.#http, this.#objects, this.cloud, this.#id, options)
    return place
  }

  listObjects: Workspace['listObjects'] = async (kind, options) => {
    if (kind === 'image') return (await this.#connect(options)).images.list(options)
    return kind === 'role-assignment'
      ? this.#roles.list(options)
      : this.#objects.list(kind, options)
  }
  getObject: Workspace['getObject'] = async (id, options) =>
    id.kind === 'image'
      ? (await this.#connect(options)).images.get(id, options)
      : this.#documents(id).get(id, options)
  putObject: Workspace['putObject'] = (id, body, options) =>
    this.#documents(id).put(id, body, options)
  deleteObject: Workspace['deleteObject'] = (id, options) => this.#objects.delete(id, options)

  async readSecrets(id: ObjectId, options: CallOptions = {}): Promise<Secret | undefined> {
    const action = secretActions[id.kind]
    if (action === undefined) return undefined
    // 400: the object exists and has no credentials; 404: it does not exist. Neither is a secret.
    const answer = await this.#objects.act(id, action, {}, { ...options, accept: [400, 404] })
    if (answer.status >= 400 || !isObject(answer.body)) return undefined
    if (id.kind !== 'connection') return secretOf(answer.body)
    const properties = isObject(answer.body.properties) ? answer.body.properties : {}
    return isObject(properties.credentials) ? secretOf(properties.credentials) : undefined
  }

  readSealingKey: Workspace['readSealingKey'] = async (options = {}) =>
    this.#sealingKeys.read((await this.#connect(options)).place.associated.keyVault, options)
  makeSealingKey: Workspace['makeSealingKey'] = async (options) =>
    this.#sealingKeys.make((await this.#connect(options)).place.associated.keyVault, options)

  findNotProtected: Workspace['findNotProtected'] = async (options = {}) => {
    const { history, place, images } = await this.#connect(options)
    const found = await findNotProtected(this.#http, history, this.#mlflow(place), options)
    return [...found, ...(await images.findNotProtected(options))]
  }

  async readClock(options: CallOptions = {}): Promise<Date | undefined> {
    const answer = await this.#http.send({
      method: 'GET',
      url: this.#objects.url(this.#id),
      place: 'workspace',
      signal: options.signal,
    })
    return dateOf(answer.header('date'))
  }

  readCapacity: Workspace['readCapacity'] = async (options = {}) => {
    const { subscriptionId, region } = await this.describe(options)
    const where = { subscriptionId, region, workspaceId: this.#id }
    return readCapacity(this.#http, this.#objects, where, options)
  }

  readServiceEvents: Workspace['readServiceEvents'] = async (options = {}) => {
    // Remembered: it is asked for when the region has trouble to tell its own place.
    const { place } = await this.#connect(options)
    return readServiceEvents(this.#http, this.#objects, place, options)
  }

  readResourceHealth: Workspace['readResourceHealth'] = async (options = {}) => {
    const { storageAccount, keyVault } = (await this.#connect(options)).place.associated
    const resources = [
      { what: 'workspace', id: this.#id },
      { what: 'storage account', id: storageAccount },
      { what: 'key vault', id: keyVault },
    ]
    return readResourceHealth(this.#http, this.#objects, resources, options)
  }

  readAccess: Workspace['readAccess'] = (options = {}) =>
    readAccess(this.#http, this.#objects, this.#id, options)

  listExperiments: Workspace['listExperiments'] = async (options) =>
    (await this.#connect(options)).history.experiments(options)
  putExperiment: Workspace['putExperiment'] = async (experiment, options) =>
    (await this.#connect(options)).history.putExperiment(experiment, options)
  listRuns: Workspace['listRuns'] = async (options) =>
    (await this.#connect(options)).history.runs(options)
  getRun: Workspace['getRun'] = async (runId, options) =>
    (await this.#connect(options)).history.run(runId, options)
  getRuns: Workspace['getRuns'] = async (runs, options) =>
    (await this.#connect(options)).history.runsById(runs, options)
  putRuns: Workspace['putRuns'] = async (experimentName, runs, options) =>
    (await this.#connect(options)).history.putRuns(experimentName, runs, options)
  readMetrics: Workspace['readMetrics'] = async (runId, options) =>
    (await this.#connect(options)).history.metrics(runId, options)
  readMetricsOf: Workspace['readMetricsOf'] = async (runs, options) =>
    metricsOf((runId, page) => this.readMetrics(runId, page), runs, options)
  writeMetrics: Workspace['writeMetrics'] = async (runId, values, options) =>
    (await this.#connect(options)).history.writeMetrics(runId, values, options)

  listBlobStores: Workspace['listBlobStores'] = async (options) =>
    (await this.#connect(options)).blobs.stores(options)
  listBlobs: Workspace['listBlobs'] = async (store, options) =>
    (await this.#connect(options)).blobs.list(store, options)
  getBlob: Workspace['getBlob'] = async (store, name, options) =>
    (await this.#connect(options)).blobs.get(store, name, options)
  readBlob: Workspace['readBlob'] = async (store, name, options) =>
    (await this.#connect(options)).blobs.read(store, name, options)
  blobReadUrl: Workspace['blobReadUrl'] = async (store, name, options) =>
    (await this.#connect(options)).blobs.readUrl(store, name)
  copyBlob: Workspace['copyBlob'] = async (store, source, url, options) =>
    (await this.#connect(options)).blobs.copy(store, source, url, options)
  writeBlob: Workspace['writeBlob'] = async (store, blob, content, options) =>
    (await this.#connect(options)).blobs.write(store, blob, content, options)
  deleteBlob: Workspace['deleteBlob'] = async (store, name, options) =>
    (await this.#connect(options)).blobs.delete(store, name, options)

  readImage: Workspace['readImage'] = async (repository, reference, options) =>
    (await this.#connect(options)).images.read(repository, reference, options)
  hasLayer: Workspace['hasLayer'] = async (repository, digest, options) =>
    (await this.#connect(options)).images.hasLayer(repository, digest, options)
  readLayer: Workspace['readLayer'] = async (repository, digest, options) =>
    (await this.#connect(options)).images.readLayer(repository, digest, options)
  writeLayer: Workspace['writeLayer'] = async (repository, layer, content, options) =>
    (await this.#connect(options)).images.writeLayer(repository, layer, content, options)
  writeImage: Workspace['writeImage'] = async (repository, reference, manifest, options) =>
    (await this.#connect(options)).images.write(repository, reference, manifest, options)

  async submitJob(name: string, body: JsonObject, options: WriteOptions): Promise<WorkspaceObject> {
    const id: ObjectId = { kind: 'job', path: [name] }
    // A PUT of a job executes it; a name that exists is the same submission (I2, I6).
    const existing = await this.#objects.get(id, options)
    return existing ?? this.#objects.put(id, body, options)
  }

  async cancelJob(name: string, options: WriteOptions): Promise<void> {
    await this.#objects.act(
      { kind: 'job', path: [name] },
      'cancel',
      {},
      { ...options, accept: [404, 409] },
    )
  }

  completedSteps: Workspace['completedSteps'] = async (pipeline, options = {}) =>
    completedSteps((await this.#connect(options)).history, this.#objects, pipeline, options)

  invokeEndpoint(
    endpoint: string,
    payload: Uint8Array,
    options: CallOptions = {},
  ): Promise<ScoringAnswer> {
    return this.#scoring.invoke(endpoint, payload, options)
  }

  probe(plane: Plane, options: CallOptions = {}): Promise<ProbeResult> {
    return probeResultOf(plane, this.#clock, () => this.#probes[plane](options))
  }

  readonly #probes: Readonly<Record<Plane, (options: CallOptions) => Promise<unknown>>> = {
    arm: (options) =>
      this.#http.send({
        method: 'GET',
        url: this.#objects.url(this.#id),
        place: 'workspace',
        signal: options.signal,
      }),
    history: async (options) =>
      (await this.#connect(options)).history.experiments({ ...options, pageSize: 1 }),
    mlflow: async (options) => {
      const { place } = await this.#connect(options)
      await this.#http.send({
        method: 'GET',
        url: `${this.#mlflow(place)}/api/2.0/mlflow/experiments/search?max_results=1`,
        place: 'mlflow',
        signal: options.signal,
      })
    },
    blob: async (options) =>
      (await this.#connect(options)).blobs.list('workspaceartifactstore', {
        ...options,
        pageSize: 1,
      }),
    scoring: (options) => this.#scoring.probe(options),
    jobs: (options) => this.#objects.list('job', { ...options, pageSize: 1 }),
  }

  readMarker(options: CallOptions = {}): Promise<Marker | undefined> {
    return readMarker(this.#http, this.#objects, this.#id, options)
  }

  writeMarker(marker: Marker, options: WriteOptions): Promise<void> {
    return writeMarker(this.#http, this.#objects, this.#id, marker, options)
  }

  async close(): Promise<void> {
    this.#http.close()
    this.#sealingKeys.close()
    await this.#scoring.close()
    // What never opened has nothing to close.
    const connected = await this.#connected?.catch(() => undefined)
    connected?.images.close()
  }

  #documents({ kind }: ObjectId): ArmObjects | RoleAssignments {
    return kind === 'role-assignment' ? this.#roles : this.#objects
  }

  #mlflow({ apiOrigin }: Place): string {
    return `${apiOrigin}/mlflow/v1.0${this.#id}`
  }

  #connect(options: CallOptions = {}): Promise<Connected> {
    this.#connected ??= this.#open(options).catch((error: unknown) => {
      this.#connected = undefined
      throw error
    })
    return this.#connected
  }

  async #open(options: CallOptions): Promise<Connected> {
    const { place, accountKey } = await describePlace(
      this.#http,
      this.#objects,
      this.cloud,
      this.#id,
      options,
    )
    if (accountKey === undefined) {
      throw new HoldfastError(
        'workspace.forbidden',
        `${this.name}: the keys of storage account '${place.storageAccount}' cannot be listed`,
        {
          kind: 'operator',
          place: this.name,
          hint: 'Give this identity Storage Account Key Operator Service Role on the account.',
        },
      )
    }
    return {
      place,
      blobs: new AzureBlobs(this.name, place, accountKey, this.cloud.ca),
      history: new RunHistory(this.#http, place.apiOrigin, this.#id),
      images: new Images(this.name, this.cloud, place.imageRegistry?.server),
    }
  }
}

const secretActions: Readonly<Partial<Record<Kind, string>>> = {
  datastore: 'listSecrets',
  connection: 'listsecrets',
  'online-endpoint': 'listKeys',
  'batch-endpoint': 'listkeys',
}
