import type { IncomingMessage } from 'node:http'
import type Database from 'libsql'

/**
 * What the services of a local region share. A region is one process, one data directory, one
 * embedded database (`db`, WAL; every acknowledged write is committed before the answer leaves) plus
 * content files. It knows nothing of Holdfast (design D2).
 *
 * Assembled in `start-region.ts`; a service takes the slice of it that it uses.
 */
export interface RegionContext {
  /** Region name as Azure writes it, e.g. `eastus`. */
  readonly name: string
  readonly dataDir: string
  /** ARM, authority, data plane, vault and scoring: `https://localhost:PORT`. */
  readonly origin: string
  /** Blob service: `https://localhost:PORT`, addressed path-style `/{account}/{container}/{blob}`. */
  readonly storageOrigin: string
  /** PEM of the CA that signed this region's certificate, for processes the region starts. */
  readonly caPath: string
  readonly db: Database.Database
  readonly clock: () => Date
  readonly authority: TokenAuthority
  readonly resources: ResourceStore
  readonly blobs: BlobEngine
  readonly files: ShareEngine
  readonly runs: RunStore
  readonly log: RegionLog
}

export interface RegionLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Thrown anywhere inside the region; becomes Azure's error body `{error:{code,message,...}}`. */
export class AzureError extends Error {
  readonly status: number
  readonly code: string
  readonly details: object | undefined
  readonly headers: Readonly<Record<string, string>>
  constructor(
    status: number,
    code: string,
    message: string,
    details?: object,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message)
    this.status = status
    this.code = code
    this.details = details
    this.headers = headers
  }
}

/** Issues and checks the region's own OAuth tokens. */
export interface TokenAuthority {
  readonly tenantId: string
  /**
   * Verifies signature, expiry (at an instant; default: the region's clock) and audience; throws
   * AzureError 401 in Azure's shape.
   */
  verify(
    authorizationHeader: string | undefined,
    audiences: readonly string[],
    at?: Date,
  ): Promise<Caller>
  /** A token for a process that the region itself starts (a job, a deployment). */
  issueForIdentity(
    objectId: string,
    audience: string,
    ttlSeconds: number,
    claims?: Readonly<Record<string, unknown>>,
  ): Promise<string>
}
export interface Caller {
  readonly objectId: string
  readonly displayName: string
  readonly tenantId: string
}

// --- ARM ---------------------------------------------------------------------------------------

export interface ArmResource {
  /** Canonical-case ARM id as first created; look-ups ignore case. */
  readonly id: string
  readonly name: string
  /** e.g. `Microsoft.MachineLearningServices/workspaces/models/versions`. */
  readonly type: string
  readonly etag: string
  readonly systemData: SystemData
  /** Everything else of the document: location, tags, sku, kind, identity, properties, unknown fields. */
  readonly body: Record<string, unknown>
  /** Write-only values (credentials, keys): never returned by GET, kept apart from `body`. */
  readonly secrets: Record<string, unknown>
}
export interface SystemData {
  createdBy: string
  createdByType: string
  createdAt: string
  lastModifiedBy: string
  lastModifiedByType: string
  lastModifiedAt: string
}

/** Durable store of ARM documents. Synchronous, because the database is; case-insensitive ids. */
export interface ResourceStore {
  get(id: string): ArmResource | undefined
  /** Creates or replaces in one transaction; stamps etag and systemData. */
  put(
    id: string,
    type: string,
    document: { body: Record<string, unknown>; secrets?: Record<string, unknown> },
    actor: Caller,
  ): ArmResource
  delete(id: string): boolean
  /** Writes service-made fields (a job's status) without touching `systemData`; undefined when gone. */
  amend(
    id: string,
    change: (body: Record<string, unknown>) => Record<string, unknown>,
  ): ArmResource | undefined
  /** Direct and indirect children of `parentId` with exactly this type, in creation order, after `afterId`. */
  list(
    parentId: string,
    type: string,
    page?: { readonly afterId?: string; readonly limit?: number },
  ): ArmResource[]
}

/**
 * What makes a kind more than a stored document. Registered per type with `registerBehaviour`;
 * `arm/` calls it around the generic store.
 */
export interface KindBehaviour {
  /** Lower-case full type. */
  readonly type: string
  /** Which answer a write gives (facts, section 1, LRO styles). Default `sync`. */
  readonly lro?: 'sync' | 'endpoint' | 'compute' | 'location' | 'registry'
  /** What a write that creates answers. Default 201; clients of some kinds know 200 alone. */
  readonly createdStatus?: 200
  /** What a PATCH that is long-running answers. Default 202. */
  readonly patchStatus?: 200
  /**
   * Validates and transforms before the document is stored: throw AzureError to refuse; move
   * write-only values to `secrets`; fill service-made fields. `existing` is undefined on create.
   */
  beforePut?(request: PutRequest): PutDecision
  /** Runs after the commit; for `lro` kinds the operation is `InProgress` until it settles. Must be restartable: it is called again at region start for operations that had not settled. */
  afterPut?(resource: ArmResource, change: 'created' | 'updated', actor: Caller): Promise<void>
  /** Throw to refuse. */
  beforeDelete?(resource: ArmResource): void
  afterDelete?(resource: ArmResource): Promise<void>
  /** `POST {id}/{action}`, name in lower case. */
  readonly actions?: Readonly<
    Record<
      string,
      (resource: ArmResource, body: unknown, request: ActionRequest) => Promise<ActionAnswer>
    >
  >
  /**
   * Actions on an id whether or not the resource exists yet (`startPendingUpload` comes before the
   * version it is for). Looked up before `actions`.
   */
  readonly earlyActions?: Readonly<
    Record<string, (id: string, body: unknown, request: ActionRequest) => Promise<ActionAnswer>>
  >
  /** Fields computed at read, laid over the stored document. Must not add secrets. */
  present?(resource: ArmResource, query: Readonly<Record<string, string>>): Record<string, unknown>
  /** A resource that is there without having been written (a built-in role, `blobServices/default`). */
  implicit?(id: string): ArmResource | undefined
  /** A resource that has to be looked up elsewhere (a feature, in its specification). */
  find?(id: string): Promise<ArmResource | undefined>
  /** What a list shows, where that is not what is stored at and below the scope. */
  list?(
    scope: string,
    query: Readonly<Record<string, string>>,
  ): readonly ArmResource[] | Promise<readonly ArmResource[]>
  /** Set when a deleted resource can come back for a while. */
  readonly softDelete?: SoftDelete
  /** Before a resource above this one goes into the recycle bin with it: what runs must end. */
  beforeSetAside?(resource: ArmResource): void
}
/** How a kind is soft-deleted (facts, section 5). */
export interface SoftDelete {
  /** Days in the recycle bin; undefined when this one is deleted for good. */
  retentionDays(resource: ArmResource): number | undefined
  /** Whether a delete asks for no way back (`forceToPurge`). */
  isPurge(query: Readonly<Record<string, string>>): boolean
  /** Whether resources of this lower-case type below it do not survive. */
  isHardDeleted(type: string): boolean
  /**
   * The part of a write that asks for the deleted resource back; undefined when it does not, which
   * is refused with `blocked`.
   */
  recovery(body: Record<string, unknown>): Record<string, unknown> | undefined
  readonly blocked: () => AzureError
  /** Takes away what lies outside the resource store. Restartable. */
  purge(deleted: { readonly id: string; readonly name: string }): Promise<void>
}
export interface PutRequest {
  readonly id: string
  /** The whole document to store: for a PATCH already merged; service-made fields already restored. */
  readonly body: Record<string, unknown>
  readonly existing: ArmResource | undefined
  readonly method: 'PUT' | 'PATCH'
  readonly query: Readonly<Record<string, string>>
  readonly actor: Caller
}
export interface PutDecision {
  readonly body: Record<string, unknown>
  /** Replaces all stored secrets; left out, they stay as they are. */
  readonly secrets?: Record<string, unknown>
}
export interface ActionRequest {
  readonly query: Readonly<Record<string, string>>
  readonly actor: Caller
  readonly raw: IncomingMessage
}
export interface ActionAnswer {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

// --- Blobs (in-process access for the region's own services) --------------------------------------

export interface BlobEngine {
  /** Creates the account with two random keys when it is new; returns its keys. */
  ensureAccount(account: string): { readonly keys: readonly [string, string] }
  ensureContainer(account: string, container: string): void
  /** Resolves when content and row are durable. Streams to a content file. */
  put(
    account: string,
    container: string,
    name: string,
    content: Uint8Array | AsyncIterable<Uint8Array>,
    options?: { contentType?: string; metadata?: Record<string, string> },
  ): Promise<StoredBlob>
  head(account: string, container: string, name: string): StoredBlob | undefined
  open(
    account: string,
    container: string,
    name: string,
    range?: { offset: number; length?: number },
  ): { blob: StoredBlob; content: AsyncIterable<Uint8Array> } | undefined
  list(
    account: string,
    container: string,
    options?: { prefix?: string; afterName?: string; limit?: number },
  ): StoredBlob[]
  delete(account: string, container: string, name: string): boolean
  /** A service SAS query string (without `?`) for a blob or container. */
  sas(
    account: string,
    container: string,
    blob: string | undefined,
    permissions: string,
    expiresAt: Date,
  ): string
}
export interface StoredBlob {
  readonly name: string
  readonly sizeBytes: number
  readonly etag: string
  readonly lastModified: Date
  readonly contentType: string
  readonly contentMd5: string | undefined
  readonly metadata: Readonly<Record<string, string>>
}

/** File shares of the accounts of the Blob service. */
export interface ShareEngine {
  ensureShare(account: string, share: string): void
}

// --- Run history (in-process access for jobs) -----------------------------------------------------

/** Keyed by workspace ARM id in lower case. Every change raises `revision` and `lastModifiedUtc`. */
export interface RunStore {
  /** Creates or merges, as `PATCH …/experiments/{name}/runs/{runId}` does (CreateRun fields). */
  upsert(
    workspaceId: string,
    experimentName: string,
    runId: string,
    run: Record<string, unknown>,
    actor: Caller,
  ): Record<string, unknown>
  get(workspaceId: string, runId: string): Record<string, unknown> | undefined
  /** The numbers that a run logged under one metric, in the order it logged them. */
  series(workspaceId: string, runId: string, metric: string): number[]
  /** Takes away every run and experiment of a workspace that is gone for good. Restartable. */
  forget(workspaceId: string): Promise<void>
}

/** Where a workspace's default stores are; made when the workspace is created. */
export interface WorkspaceStores {
  readonly account: string
  /** datastore name -> container */
  readonly containers: {
    readonly workspaceblobstore: string
    readonly workspaceartifactstore: 'azureml'
  }
}
