import { resolve } from 'node:path'
import { HoldfastError } from '../../model/errors.ts'
import type { JsonObject } from '../../model/json.ts'
import { type Kind, trackingKinds } from '../../model/kinds.ts'
import type { ObjectId } from '../../model/object-id.ts'
import type { Place } from '../../model/place.ts'
import { probeResultOf } from '../probe-result.ts'
import { lookBeforeWriting } from '../run-version.ts'
import type {
  CallOptions,
  Marker,
  Page,
  PageOptions,
  Plane,
  ProbeResult,
  PutOptions,
  Run,
  Workspace,
  WorkspaceObject,
  WriteOptions,
} from '../workspace.ts'
import { MlflowArtifacts } from './mlflow-artifacts.ts'
import { MlflowExperiments, markerTag } from './mlflow-experiments.ts'
import { type MlflowAuth, MlflowHttp } from './mlflow-http.ts'
import { MlflowLoggedModels } from './mlflow-logged-models.ts'
import { MlflowMetrics } from './mlflow-metrics.ts'
import { MlflowRegistry } from './mlflow-registry.ts'
import { MlflowRuns } from './mlflow-runs.ts'
import { MlflowTraces } from './mlflow-traces.ts'
import { ModelSources } from './model-sources.ts'
import { findNotProtected } from './not-protected.ts'
import { array, object, text } from './run-document.ts'

export interface MlflowOptions {
  /** Member name, for messages. */
  readonly name: string
  /** Base address, as in MLFLOW_TRACKING_URI. */
  readonly url: string
  readonly auth?: MlflowAuth
  /** Folder at which the server's artifact root is mounted here. */
  readonly artifacts?: string
  readonly ca?: string
  /** Folder that relative paths start from. */
  readonly folder: string
  /** Where the variables named by `auth` are looked up. Default: this process's. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly clock?: () => Date
}

/**
 * A self-hosted MLflow server. It mints run ids itself, so copies carry their origin; it knows no time
 * of change, so `version` tells what changed. Nothing is asked before the first call.
 */
export function openMlflowWorkspace(options: MlflowOptions): Workspace {
  return new MlflowWorkspace(options)
}

/** Where markers are kept: the default experiment, which every server has. */
const markerExperiment = '0'

class MlflowWorkspace implements Workspace {
  readonly name: string
  readonly capabilities = {
    keepsRunIds: false,
    artifacts: 'in-runs',
    limits: { runsPerRead: 100, valuesPerWrite: 1000 },
    kinds: new Set<Kind>(['experiment', 'run', ...trackingKinds.map(({ kind }) => kind)]),
    copiesFromUrl: false,
  } as const
  readonly #http: MlflowHttp
  readonly #experiments: MlflowExperiments
  readonly #runs: MlflowRuns
  readonly #metrics: MlflowMetrics
  readonly #artifacts: MlflowArtifacts
  readonly #kinds: Readonly<Partial<Record<Kind, ObjectsOfKind>>>
  readonly #clock: () => Date

  constructor(options: MlflowOptions) {
    this.name = options.name
    this.#clock = options.clock ?? (() => new Date())
    this.#http = new MlflowHttp({ environment: process.env, ...options })
    this.#experiments = new MlflowExperiments(this.#http)
    this.#runs = new MlflowRuns(this.#http, this.#experiments)
    this.#metrics = new MlflowMetrics(this.#http, this.#runs)
    const { artifacts, folder } = options
    const root = artifacts === undefined ? undefined : resolve(folder, artifacts)
    const files = async (store: string, options: CallOptions) =>
      (await this.#artifacts.list(store, options)).items
    const models = new MlflowLoggedModels(this.#http, this.#experiments, this.#runs, files)
    const traces = new MlflowTraces(this.#http, this.#experiments, files)
    this.#artifacts = new MlflowArtifacts(
      this.#http,
      {
        run: async (id, options) => text((await this.#runs.get(id, options))?.body.artifactUri),
        'logged-model': (id, options) => models.artifactUri(id, options),
        trace: (id, options) => traces.artifactUri(id, options),
      },
      root,
    )
    this.#kinds = objectsOf(this.#http, new ModelSources(this.#runs, models), models, traces)
  }

  async describe(options: CallOptions = {}): Promise<Place> {
    await this.#experiments.list({ ...options, pageSize: 1 })
    return nowhere
  }

  listExperiments: Workspace['listExperiments'] = (options) => this.#experiments.list(options)
  putExperiment: Workspace['putExperiment'] = (experiment, options) =>
    this.#experiments.put(experiment, options)

  listRuns: Workspace['listRuns'] = async (options) => {
    const page = await this.#runs.list(options)
    this.#learn(page.items)
    return page
  }
  getRun: Workspace['getRun'] = (runId, options) => this.#runs.get(runId, options)
  getRuns: Workspace['getRuns'] = async (runs, options) => {
    const found = await this.#runs.find(runs, options)
    this.#learn(found)
    return found
  }
  putRuns: Workspace['putRuns'] = async (experimentName, runs, options) => {
    await lookBeforeWriting(runs, options, (names, call) => this.#runs.find(names, call))
    return this.#runs.put(experimentName, runs, options)
  }
  readMetrics: Workspace['readMetrics'] = (runId, options) => this.#metrics.read(runId, options)
  readMetricsOf: Workspace['readMetricsOf'] = (runs, options) => this.#metrics.readOf(runs, options)
  writeMetrics: Workspace['writeMetrics'] = (runId, values, options) =>
    this.#metrics.write(runId, values, options)

  /** Artifacts belong to their runs; there is nothing beside them. */
  listBlobStores: Workspace['listBlobStores'] = async () => []
  listBlobs: Workspace['listBlobs'] = (store, options = {}) => this.#artifacts.list(store, options)
  getBlob: Workspace['getBlob'] = (store, name, options = {}) =>
    this.#artifacts.get(store, name, options)
  readBlob: Workspace['readBlob'] = (store, name, options = {}) =>
    this.#artifacts.read(store, name, options)
  writeBlob: Workspace['writeBlob'] = (store, blob, content, options) =>
    this.#artifacts.write(store, blob, content, options)
  blobReadUrl: Workspace['blobReadUrl'] = () => this.#unsupported('addresses to copy from')
  copyBlob: Workspace['copyBlob'] = async () => {
    throw new HoldfastError('blob.copy-unsupported', 'An MLflow server copies from no address')
  }
  deleteBlob: Workspace['deleteBlob'] = () => this.#unsupported('deleting artifacts one by one')

  listObjects: Workspace['listObjects'] = async (kind, options = {}) =>
    this.#kinds[kind]?.list(options) ?? { items: [] }
  getObject: Workspace['getObject'] = async (id, options = {}) =>
    this.#kinds[id.kind]?.get(id, options)
  putObject: Workspace['putObject'] = (id, body, options) =>
    this.#kinds[id.kind]?.put(id, body, options) ?? this.#unsupported('objects of Azure ML')
  deleteObject: Workspace['deleteObject'] = () => this.#unsupported('objects of Azure ML')
  readSecrets: Workspace['readSecrets'] = async () => undefined
  readSealingKey: Workspace['readSealingKey'] = async () => undefined
  makeSealingKey: Workspace['makeSealingKey'] = () => this.#unsupported('secrets')
  findNotProtected: Workspace['findNotProtected'] = (options = {}) =>
    findNotProtected(this.#http, this.#experiments, options)
  readClock: Workspace['readClock'] = (options = {}) =>
    this.#http.date({
      method: 'GET',
      path: '/health',
      place: 'clock',
      signal: options.signal,
      effect: 'none',
    })
  readCapacity: Workspace['readCapacity'] = async () => undefined
  readServiceEvents: Workspace['readServiceEvents'] = async () => []
  readResourceHealth: Workspace['readResourceHealth'] = async () => []
  readAccess: Workspace['readAccess'] = async () => undefined
  readImage: Workspace['readImage'] = async () => undefined
  hasLayer: Workspace['hasLayer'] = async () => false
  readLayer: Workspace['readLayer'] = () => this.#unsupported('images')
  writeLayer: Workspace['writeLayer'] = () => this.#unsupported('images')
  writeImage: Workspace['writeImage'] = () => this.#unsupported('images')
  submitJob: Workspace['submitJob'] = () => this.#unsupported('jobs')
  cancelJob: Workspace['cancelJob'] = () => this.#unsupported('jobs')
  completedSteps: Workspace['completedSteps'] = () => this.#unsupported('jobs')
  invokeEndpoint: Workspace['invokeEndpoint'] = () => this.#unsupported('endpoints')

  /** One process serves all of it, so every plane is as well as the server is. */
  probe(plane: Plane, options: CallOptions = {}): Promise<ProbeResult> {
    return probeResultOf(plane, this.#clock, () =>
      this.#experiments.list({ ...options, pageSize: 1 }),
    )
  }

  async readMarker(options: CallOptions = {}): Promise<Marker | undefined> {
    const experiment = await this.#experiments.byId(markerExperiment, options)
    const tag = array(experiment?.tags).find((one) => text(object(one).key) === markerTag)
    return tag === undefined ? undefined : (JSON.parse(text(object(tag).value)) as Marker)
  }

  async writeMarker(marker: Marker, options: WriteOptions): Promise<void> {
    const held = await this.readMarker(options)
    if (held !== undefined && marker.epoch < held.epoch) {
      throw new HoldfastError(
        'epoch.stale',
        `${this.name} is marked with epoch ${held.epoch}; ${marker.epoch} is past`,
        { place: this.name },
      )
    }
    await this.#experiments.setTag(markerExperiment, markerTag, JSON.stringify(marker), options)
  }

  close(): Promise<void> {
    return this.#http.close()
  }

  #learn(runs: readonly Run[]): void {
    for (const run of runs) this.#artifacts.know(run.runId, text(run.body.artifactUri))
  }

  async #unsupported(what: string): Promise<never> {
    throw new HoldfastError(
      'workspace.unsupported',
      `${this.name} is an MLflow server, without ${what}`,
      {
        place: this.name,
      },
    )
  }
}

/** What the port does with the objects of one kind. */
interface ObjectsOfKind {
  list(options: PageOptions): Promise<Page<WorkspaceObject>>
  get(id: ObjectId, options: CallOptions): Promise<WorkspaceObject | undefined>
  put(id: ObjectId, body: JsonObject, options: PutOptions): Promise<WorkspaceObject>
}

function objectsOf(
  http: MlflowHttp,
  sources: ModelSources,
  models: MlflowLoggedModels,
  traces: MlflowTraces,
): Partial<Record<Kind, ObjectsOfKind>> {
  const registry = new MlflowRegistry(http, sources)
  return {
    'logged-model': models,
    trace: traces,
    'registered-model': {
      list: (options) => registry.listModels(options),
      get: (id, options) => registry.getModel(id, options),
      put: (id, body, options) => registry.putModel(id, body, options),
    },
    'model-version': {
      list: (options) => registry.listVersions(options),
      get: (id, options) => registry.getVersion(id, options),
      put: (id, body, options) => registry.putVersion(id, body, options),
    },
  }
}

/** No document of an MLflow server names the server in a way that would have to be relocated. */
const none = 'mlflow'
const nowhere: Place = {
  subscriptionId: none,
  resourceGroup: none,
  workspaceName: none,
  workspaceGuid: none,
  region: none,
  storageAccount: none,
  blobOrigin: 'https://mlflow.invalid',
  apiOrigin: 'https://mlflow.invalid',
  associated: {
    storageAccount: undefined,
    keyVault: undefined,
    applicationInsights: undefined,
    containerRegistry: undefined,
  },
  containers: {},
}
