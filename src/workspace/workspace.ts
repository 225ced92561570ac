import type { JsonObject } from '../model/json.ts'
import type { Kind } from '../model/kinds.ts'
import type { ObjectId } from '../model/object-id.ts'
import type { Place } from '../model/place.ts'

/**
 * The port "a workspace". Every operation returns a promise, takes an options object last and is
 * named in `workspaceOperations`, so that decorators wrap all of them alike.
 *
 * Contract, for every operation:
 * - `signal` cancels before and during; a cancelled call rejects with kind `cancelled`.
 * - Errors are `HoldfastError`s; adapters translate at their edge. Absence is `undefined`, not an
 *   error, for reads; `workspace.not-found` when the workspace itself is missing,
 *   `workspace.unreachable` (transient) when nothing answers, `workspace.forbidden` (operator).
 * - Writes carry the epoch under which they are made (I1). A `fenced` workspace refuses a stale one
 *   with `epoch.stale` before any effect.
 * - Writes are idempotent: repeating a write that already took effect succeeds without a second
 *   effect (I2).
 */
export interface Workspace {
  /** Member name, for messages. */
  readonly name: string
  readonly capabilities: WorkspaceCapabilities

  /** Where the workspace is. Throws `workspace.not-found` when it does not exist. */
  describe(options?: CallOptions): Promise<Place>

  /**
   * One page of all objects of a kind, archived and disabled ones included, in the service's order.
   * For a kind that has a parent (`armKind(kind).parent`), `parent` narrows the list to one; without it
   * all parents are walked. A parent that does not exist has an empty page.
   */
  listObjects(
    kind: Kind,
    options?: PageOptions & { readonly parent?: ObjectId },
  ): Promise<Page<WorkspaceObject>>
  /** Also the workspace's own document, `{ kind: 'workspace', path: [] }`, where the service has one. */
  getObject(id: ObjectId, options?: CallOptions): Promise<WorkspaceObject | undefined>
  /**
   * Creates or replaces; waits for a long-running operation to end. `secrets` are put where the
   * service expects them (datastore credentials, endpoint keys) and appear nowhere else (I9).
   * `condition: 'absent'` refuses an existing object with `object.exists`; `{ etag }` refuses a
   * changed one with `object.changed`. An immutable version with another payload is refused with
   * `object.immutable`.
   */
  putObject(id: ObjectId, body: JsonObject, options: PutOptions): Promise<WorkspaceObject>
  deleteObject(id: ObjectId, options: WriteOptions): Promise<void>

  /** Credentials of a datastore, connection or endpoint, read at use. Undefined: it has none. */
  readSecrets(id: ObjectId, options?: CallOptions): Promise<Secret | undefined>

  /**
   * A key that nothing but this workspace's own vault keeps (I9), for what has to be written down and
   * is secret; see `sealing.ts`. Without an id, the one to seal with. Undefined: there is none.
   */
  readSealingKey(options?: CallOptions & { readonly id?: string }): Promise<SealingKey | undefined>
  /** Makes one unless there is one to seal with; gives that. `workspace.no-vault` (operator). */
  makeSealingKey(options: WriteOptions): Promise<SealingKey>

  /** What the workspace holds that nobody can copy through this port; only what is there (I8). */
  findNotProtected(options?: CallOptions): Promise<readonly NotProtected[]>

  /** What time it is at the service, by its own clock, never later; undefined: it does not say. */
  readClock(options?: CallOptions): Promise<Date | undefined>

  /**
   * Machine sizes of the workspace's region and cores by family, used and allowed, as the subscription
   * has them there. Undefined: the service has no such thing.
   */
  readCapacity(options?: CallOptions): Promise<WorkspaceCapacity | undefined>

  /**
   * What the cloud itself says is wrong now with the services of the workspace's region. None where it
   * says nothing, and where there is no such thing.
   */
  readServiceEvents(options?: CallOptions): Promise<readonly ServiceEvent[]>

  /**
   * What the cloud says of single resources: the workspace, its storage account, its key vault. Only
   * those that it speaks of.
   */
  readResourceHealth(options?: CallOptions): Promise<readonly ResourceHealth[]>

  /** Roles that people and programs have at the workspace, also from scopes around it. Undefined: it has none. */
  readAccess(options?: CallOptions): Promise<readonly RoleAssignment[] | undefined>

  listExperiments(options?: PageOptions): Promise<Page<Experiment>>
  putExperiment(experiment: Experiment, options: WriteOptions): Promise<void>
  /**
   * Runs modified at or after `modifiedSince`. Within one experiment they come in ascending order of
   * modification; experiments follow one another (run history queries only inside an experiment).
   */
  listRuns(options?: ListRunsOptions): Promise<Page<Run>>
  getRun(runId: string, options?: CallOptions): Promise<Run | undefined>
  /** Those of these runs that are there; at most 100. */
  getRuns(runs: readonly RunName[], options?: CallOptions): Promise<readonly Run[]>
  /**
   * Creates or updates runs of one experiment, at most 100, and resolves with the ids they have now,
   * in the order given. Where `keepsRunIds`, those are their own (design D5). Elsewhere a run with an
   * empty id is created under an id of the service's choice, and its `origin` is kept on it (I10).
   * `expected` refuses the whole call with `run.changed` when one of them is not as it says.
   */
  putRuns(
    experimentName: string,
    runs: readonly Run[],
    options: PutRunsOptions,
  ): Promise<readonly string[]>
  /** Full series, never down-sampled, one page of values at a time, in the order they were logged. */
  readMetrics(runId: string, options?: PageOptions): Promise<Page<MetricValue>>
  /**
   * The same for several runs at once, at most `limits.runsPerRead`, where a service
   * answers them together; `runs` as it gave them. Each page names the run of every part.
   */
  readMetricsOf(
    runs: readonly Run[],
    options?: PageOptions,
  ): Promise<Page<{ readonly runId: string; readonly values: readonly MetricValue[] }>>
  /**
   * Adds values; one that is there already (the same `metricId`, or where the service has none the
   * same value) is left as it is. At most `limits.valuesPerWrite` a call.
   */
  writeMetrics(runId: string, values: readonly MetricValue[], options: WriteOptions): Promise<void>

  /** Blob stores of the default storage account, by the names both sides share (see BlobStoreName). */
  listBlobStores(options?: CallOptions): Promise<readonly BlobStoreName[]>
  /** Blobs in name order, with metadata. An absent store is an empty page. */
  listBlobs(
    store: BlobStoreName,
    options?: PageOptions & { readonly prefix?: string },
  ): Promise<Page<BlobInfo>>
  getBlob(store: BlobStoreName, name: string, options?: CallOptions): Promise<BlobInfo | undefined>
  readBlob(
    store: BlobStoreName,
    name: string,
    options?: CallOptions & { readonly etag?: string },
  ): Promise<ReadableStream<Uint8Array>>
  /** A short-lived read-only address another storage account can copy from. It is a secret (I9). */
  blobReadUrl(store: BlobStoreName, name: string, options?: CallOptions): Promise<Secret<string>>
  /**
   * Copies server to server, metadata included, creating the store when needed; resolves when the
   * bytes are there. `sourceEtag` makes a source that changed meanwhile fail with `blob.changed`.
   * Rejects with `blob.copy-unsupported` when the service cannot reach the source: then stream.
   */
  copyBlob(
    store: BlobStoreName,
    source: BlobInfo,
    sourceUrl: Secret<string>,
    options: WriteOptions,
  ): Promise<BlobInfo>
  writeBlob(
    store: BlobStoreName,
    blob: BlobInfo,
    content: ReadableStream<Uint8Array>,
    options: WriteOptions,
  ): Promise<BlobInfo>

  /** One that is not there is no error. */
  deleteBlob(store: BlobStoreName, name: string, options: WriteOptions): Promise<void>

  /**
   * The manifest of an image in the workspace's own container registry, whole: its bytes have its
   * digest. As an object (`image/<repository>/<tag or digest>`) an image is its digest and media type;
   * listed are those that the service built for the workspace, others are known by what names them.
   */
  readImage(
    repository: string,
    reference: string,
    options?: CallOptions,
  ): Promise<ImageManifest | undefined>
  /** Layers and configurations alike. */
  hasLayer(repository: string, digest: string, options?: CallOptions): Promise<boolean>
  /** Throws `image.not-found`. Whoever reads it compares the digest. */
  readLayer(
    repository: string,
    digest: string,
    options?: CallOptions,
  ): Promise<ReadableStream<Uint8Array>>
  /** The service refuses bytes of another digest. Throws `image.no-registry` (operator). */
  writeLayer(
    repository: string,
    layer: ImageLayer,
    content: ReadableStream<Uint8Array>,
    options: WriteOptions,
  ): Promise<void>
  /** Under its digest, or a tag that leads to it from now on. All its parts are there before it. */
  writeImage(
    repository: string,
    reference: string,
    manifest: ImageManifest,
    options: WriteOptions,
  ): Promise<void>

  /**
   * Submits a job under a name the caller chose. A second submission of the same name is the same
   * submission and starts nothing (I2, I6).
   */
  submitJob(name: string, body: JsonObject, options: WriteOptions): Promise<WorkspaceObject>
  /** Succeeds for a job that ended or never was: either way it does not run. */
  cancelJob(name: string, options: WriteOptions): Promise<void>
  /** Direct steps of a pipeline job, or trials of a sweep, that have completed; none where none is. */
  completedSteps(job: string, options?: CallOptions): Promise<readonly CompletedStep[]>

  /** Sends one scoring request; the answer names who answered. For verification from outside. */
  invokeEndpoint(
    endpoint: string,
    payload: Uint8Array,
    options?: CallOptions,
  ): Promise<ScoringAnswer>
  /** One cheap request to one plane; never throws for an unhealthy plane, it reports it. */
  probe(plane: Plane, options?: CallOptions): Promise<ProbeResult>

  /** Facts Holdfast keeps on the member itself so that they outlive it (I10): role, epoch, group. */
  readMarker(options?: CallOptions): Promise<Marker | undefined>
  /** Refuses to go back to a lower epoch with `epoch.stale` (I1). */
  writeMarker(marker: Marker, options: WriteOptions): Promise<void>

  close(): Promise<void>
}

/** Every operation, whether it writes, and which of its arguments is the options object. */
export const workspaceOperations = {
  describe: { writes: false, options: 0 },
  listObjects: { writes: false, options: 1 },
  getObject: { writes: false, options: 1 },
  putObject: { writes: true, options: 2 },
  deleteObject: { writes: true, options: 1 },
  readSecrets: { writes: false, options: 1 },
  readSealingKey: { writes: false, options: 0 },
  makeSealingKey: { writes: true, options: 0 },
  findNotProtected: { writes: false, options: 0 },
  readClock: { writes: false, options: 0 },
  readCapacity: { writes: false, options: 0 },
  readServiceEvents: { writes: false, options: 0 },
  readResourceHealth: { writes: false, options: 0 },
  readAccess: { writes: false, options: 0 },
  listExperiments: { writes: false, options: 0 },
  putExperiment: { writes: true, options: 1 },
  listRuns: { writes: false, options: 0 },
  getRun: { writes: false, options: 1 },
  getRuns: { writes: false, options: 1 },
  putRuns: { writes: true, options: 2 },
  readMetrics: { writes: false, options: 1 },
  readMetricsOf: { writes: false, options: 1 },
  writeMetrics: { writes: true, options: 2 },
  listBlobStores: { writes: false, options: 0 },
  listBlobs: { writes: false, options: 1 },
  getBlob: { writes: false, options: 2 },
  readBlob: { writes: false, options: 2 },
  blobReadUrl: { writes: false, options: 2 },
  copyBlob: { writes: true, options: 3 },
  writeBlob: { writes: true, options: 3 },
  deleteBlob: { writes: true, options: 2 },
  readImage: { writes: false, options: 2 },
  hasLayer: { writes: false, options: 2 },
  readLayer: { writes: false, options: 2 },
  writeLayer: { writes: true, options: 3 },
  writeImage: { writes: true, options: 3 },
  submitJob: { writes: true, options: 2 },
  cancelJob: { writes: true, options: 1 },
  completedSteps: { writes: false, options: 1 },
  invokeEndpoint: { writes: false, options: 2 },
  probe: { writes: false, options: 1 },
  readMarker: { writes: false, options: 0 },
  writeMarker: { writes: true, options: 1 },
} as const satisfies Record<string, { readonly writes: boolean; readonly options: number }>

export type WorkspaceOperation = keyof typeof workspaceOperations

/** What differs between adapters, as data; never ask a workspace for its name to decide. */
export interface WorkspaceCapabilities {
  /** Run ids can be chosen by the writer (run history v1.0); otherwise an id map is needed. */
  readonly keepsRunIds: boolean
  /**
   * Where artifacts of runs lie: in the blob stores with everything else, or in a store of each run
   * (`run:<id>`), which exists as long as its run does. Logged models and traces of such a service
   * have a store each, too (`logged-model:<id>`, `trace:<id>`).
   */
  readonly artifacts: 'in-stores' | 'in-runs'
  readonly limits: {
    /** Runs whose metrics one `readMetricsOf` may read. */
    readonly runsPerRead: number
    readonly valuesPerWrite: number
  }
  /** ARM objects (assets, endpoints, …) exist; an MLflow server has none. */
  readonly kinds: ReadonlySet<Kind>
  /** Of these, listed and not written, each with the reason: a pass shows what it leaves behind (I8). */
  readonly leftBehind?: ReadonlyMap<Kind, string>
  /** Blobs can be copied from an address without passing through us. */
  readonly copiesFromUrl: boolean
}

export interface NotProtected {
  /** In the service's words, plural: `webhooks`. */
  readonly what: string
  /** Undefined: the service would not tell. */
  readonly count: number | undefined
  readonly reason: string
}

export interface RoleAssignment {
  /** Last part of the definition's id: the same for a role in every subscription. */
  readonly role: string
  readonly roleName: string
  readonly principalId: string
  /** `User`, `Group`, `ServicePrincipal`, … */
  readonly principalType: string
  /** Given at a scope around the workspace, such as its resource group. */
  readonly isInherited: boolean
}

export interface WorkspaceCapacity {
  readonly families: readonly {
    readonly name: string
    readonly used: number
    readonly limit: number
    /** What of it this workspace may use; absent: all. */
    readonly workspaceLimit?: number
  }[]
  readonly sizes: readonly {
    readonly name: string
    readonly family: string
    readonly cores: number
  }[]
}

export interface ServiceEvent {
  /** Under which the cloud follows it up. */
  readonly trackingId: string
  readonly title: string
  /** In the cloud's words: `Machine Learning Services`. */
  readonly service: string
  /** In the cloud's words: `East US`. */
  readonly region: string
  /** ISO 8601 UTC; undefined: it does not say. */
  readonly since: string | undefined
}

export interface ResourceHealth {
  /** `storage account fraudeast`. */
  readonly resource: string
  readonly state: 'available' | 'degraded' | 'unavailable' | 'unknown'
  /** In the cloud's words; empty where it has none. */
  readonly summary: string
  /** `Unplanned`, `Planned`, `UserInitiated`, …; undefined: it does not say. */
  readonly reason: string | undefined
  /** Of the last change, ISO 8601 UTC; undefined: it does not say. */
  readonly since: string | undefined
}

export interface CallOptions {
  readonly signal?: AbortSignal
}
export interface WriteOptions extends CallOptions {
  readonly epoch: number
}
export interface PutRunsOptions extends WriteOptions {
  /** By run id: the `runVersion` at which it was last seen; null: it was not there. */
  readonly expected?: ReadonlyMap<string, string | null>
}
export interface PutOptions extends WriteOptions {
  readonly condition?: 'absent' | { readonly etag: string }
  readonly secrets?: Secret
  /** What the object is a copy of; kept on it by a service that mints ids or times (I10). */
  readonly origin?: ObjectOrigin
}
export interface PageOptions extends CallOptions {
  /** Opaque; from the page before. */
  readonly cursor?: string
  /** A wish; the service may return fewer or more. */
  readonly pageSize?: number
}
export interface Page<T> {
  readonly items: readonly T[]
  /** Absent on the last page. An empty page may still have a cursor. */
  readonly cursor?: string
}

export interface WorkspaceObject {
  readonly id: ObjectId
  /** The document as the service returned it, unknown fields included. */
  readonly body: JsonObject
  readonly etag?: string
  /** ISO 8601, UTC, from `systemData.lastModifiedAt` where the service has it. */
  readonly modifiedAt?: string
  /**
   * A list gave this and `getObject` gives more: `body` is empty, and `etag` changes with everything
   * the object holds that can change.
   */
  readonly isSummary?: boolean
  /** Kept on a copy by a service that mints ids or times: what it is a copy of. */
  readonly origin?: ObjectOrigin
}

export interface ObjectOrigin {
  /** Member name. */
  readonly member: string
  /** Its last name at that member. */
  readonly id: string
  /** ISO 8601, UTC: when it was made there. */
  readonly createdAt?: string
  /** What it was made from was deleted for good there: the copy names a place that leads nowhere. */
  readonly isSourceGone?: true
}

/** A step of a pipeline or a trial of a sweep: a job of its own, whose name the service made. */
export interface CompletedStep {
  readonly job: string
  /** Its name in the graph, or the display name that it shows instead. */
  readonly displayName: string
  /** ISO 8601 UTC, by the service's clock. */
  readonly endedAt: string
  /** `properties.outputs` of the job, as the service shows it. */
  readonly outputs: JsonObject
}

export interface Experiment {
  readonly name: string
  readonly experimentId?: string
  readonly archived: boolean
  readonly tags: Readonly<Record<string, string>>
  readonly description?: string
}

/** Some services find a run only within its experiment. */
export interface ListRunsOptions extends PageOptions {
  readonly modifiedSince?: string
  /** Only those of this one, which may not exist. Default: of all. */
  readonly experiment?: string
}

export interface RunName {
  readonly runId: string
  readonly experimentName: string
}

export interface Run extends RunName {
  /** `NotStarted` … `Completed`, `Failed`, `Canceled`, as run history names them. */
  readonly status: string
  /** The run history document, unknown fields included. */
  readonly body: JsonObject
  readonly revision?: number
  /** ISO 8601 UTC; rises with every change of the run or its metrics, where the service knows it. */
  readonly modifiedAt: string
  /** Of a service without revisions: digest of all that its list shows, newest metric values included. */
  readonly version?: string
  /** Kept on a copy by a service that does not keep run ids: what it is a copy of. */
  readonly origin?: RunOrigin
}

export interface RunOrigin {
  /** Member name. */
  readonly member: string
  readonly runId: string
}

/** One logged value. `data` holds column -> value; NaN and infinities are the strings of the wire. */
export interface MetricValue {
  readonly name: string
  /** `azureml.v1.scalar`, `azureml.v1.table`, … */
  readonly schema: string
  /** Empty where the service has no ids: then the value itself is its identity. */
  readonly metricId: string
  /** ISO 8601 UTC. */
  readonly createdUtc: string
  readonly step?: number
  readonly data: JsonObject
  /** Column -> type of the wire (`Double`, `String`, …), where the service keeps it. */
  readonly columns?: Readonly<Record<string, string>>
}

/**
 * A blob store by a name that means the same on both sides: the datastore's name for system
 * datastores (`workspaceblobstore`, `workspaceartifactstore`), else `container:<name>` for any other
 * container of the default account (one per code snapshot), or `run:<id>` for the artifacts of a run
 * (see `capabilities.artifacts`).
 */
export type BlobStoreName = string

export interface BlobInfo {
  readonly name: string
  readonly sizeBytes: number
  readonly etag: string
  readonly modifiedAt: string
  readonly contentType?: string
  /** Base64, as the service holds it; absent when it computed none. */
  readonly contentMd5?: string
  readonly metadata: Readonly<Record<string, string>>
}

export interface ImageManifest {
  /** `sha256:…` */
  readonly digest: string
  readonly mediaType: string
  readonly content: Uint8Array
}

export interface ImageLayer {
  readonly digest: string
  readonly sizeBytes: number
}

/** A value that must not be printed. `reveal` is called only where it goes into the vault or request. */
export interface Secret<T = JsonObject> {
  reveal(): T
  /** Keyed hash for comparing without revealing; the key lives for one process. */
  fingerprint(): string
  toJSON(): '[secret]'
}

/** Two who make a key at once make two: what was sealed names its own. */
export interface SealingKey {
  readonly id: string
  readonly key: Secret<string>
}

export type Plane = 'arm' | 'history' | 'mlflow' | 'blob' | 'scoring' | 'jobs'

export interface ProbeResult {
  readonly plane: Plane
  readonly healthy: boolean
  /** Milliseconds until the answer or the failure. */
  readonly latencyMs: number
  /** When it was asked. */
  readonly at: string
  /** Why unhealthy: error code and a short sentence, no secret in it. */
  readonly reason?: string
  /** Unhealthy, but alive: it answers, and refuses us (429, 401, 403). No outage looks like that. */
  readonly refused?: true
  /** Refused because it is busy (429): it may answer when it is asked later. */
  readonly throttled?: true
}

export interface ScoringAnswer {
  readonly status: number
  readonly body: Uint8Array
  readonly region: string
  readonly deployment?: string
}

export interface Marker {
  readonly group: string
  readonly role: 'primary' | 'secondary'
  readonly epoch: number
  readonly since: string
}
