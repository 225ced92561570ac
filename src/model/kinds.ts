/**
 * Every kind of object that Holdfast knows, in restore order (waves): an object may refer only to
 * kinds of its own or a lower wave. ARM types come from `facts/azureml-resources.json`.
 */
export const kinds = [
  'workspace',
  'outbound-rule',
  'connection',
  'datastore',
  'compute',
  'code-container',
  'environment-container',
  'data-container',
  'model-container',
  'component-container',
  'code',
  /** In the workspace's own container registry; public ones are only named. */
  'image',
  'environment',
  'data',
  'model',
  'component',
  'feature-entity-container',
  'feature-entity',
  'feature-set-container',
  'feature-set',
  'online-endpoint',
  'batch-endpoint',
  'online-deployment',
  'batch-deployment',
  'schedule',
  'experiment',
  'run',
  'logged-model',
  'trace',
  'registered-model',
  'model-version',
  'job',
  'blob',
  'role-assignment',
  /** One for each sort of thing that a workspace holds and no pass carries. */
  'not-protected',
] as const

export type Kind = (typeof kinds)[number]

export function isKind(text: string): text is Kind {
  return (kinds as readonly string[]).includes(text)
}

/** A kind whose objects a workspace lists as documents. */
export interface ListedKind {
  readonly kind: Kind
  /** The kind whose list has to be walked first, because the service lists only per parent. */
  readonly parent?: Kind
}

export interface ArmKind extends ListedKind {
  /** Type below `Microsoft.MachineLearningServices/workspaces/`, one element per path name. */
  readonly segments: readonly string[]
  /** Objects of one wave may be applied concurrently; lower waves first. */
  readonly wave: number
  /** Query parameters that make a list complete; Azure hides data by default (facts, section 1). */
  readonly listQuery: Readonly<Record<string, string>>
}

const all = { listViewType: 'All' } as const

/** ARM-backed kinds under a workspace. Jobs, runs, experiments and blobs have ways of their own. */
export const armKinds: readonly ArmKind[] = [
  { kind: 'outbound-rule', segments: ['outboundRules'], wave: 2, listQuery: {} },
  { kind: 'connection', segments: ['connections'], wave: 3, listQuery: { includeAll: 'true' } },
  { kind: 'datastore', segments: ['datastores'], wave: 4, listQuery: { count: '200' } },
  { kind: 'compute', segments: ['computes'], wave: 5, listQuery: {} },
  { kind: 'code-container', segments: ['codes'], wave: 6, listQuery: all },
  { kind: 'environment-container', segments: ['environments'], wave: 6, listQuery: all },
  { kind: 'data-container', segments: ['data'], wave: 6, listQuery: all },
  { kind: 'model-container', segments: ['models'], wave: 6, listQuery: all },
  { kind: 'component-container', segments: ['components'], wave: 6, listQuery: all },
  {
    kind: 'code',
    segments: ['codes', 'versions'],
    wave: 7,
    listQuery: all,
    parent: 'code-container',
  },
  {
    kind: 'environment',
    segments: ['environments', 'versions'],
    wave: 8,
    listQuery: all,
    parent: 'environment-container',
  },
  {
    kind: 'data',
    segments: ['data', 'versions'],
    wave: 9,
    listQuery: all,
    parent: 'data-container',
  },
  {
    kind: 'model',
    segments: ['models', 'versions'],
    wave: 10,
    listQuery: all,
    parent: 'model-container',
  },
  {
    kind: 'component',
    segments: ['components', 'versions'],
    wave: 11,
    listQuery: all,
    parent: 'component-container',
  },
  {
    kind: 'feature-entity-container',
    segments: ['featurestoreEntities'],
    wave: 12,
    listQuery: all,
  },
  {
    kind: 'feature-entity',
    segments: ['featurestoreEntities', 'versions'],
    wave: 12,
    listQuery: all,
    parent: 'feature-entity-container',
  },
  { kind: 'feature-set-container', segments: ['featuresets'], wave: 13, listQuery: all },
  {
    kind: 'feature-set',
    segments: ['featuresets', 'versions'],
    wave: 13,
    listQuery: all,
    parent: 'feature-set-container',
  },
  { kind: 'online-endpoint', segments: ['onlineEndpoints'], wave: 14, listQuery: {} },
  { kind: 'batch-endpoint', segments: ['batchEndpoints'], wave: 14, listQuery: {} },
  {
    kind: 'online-deployment',
    segments: ['onlineEndpoints', 'deployments'],
    wave: 15,
    listQuery: {},
    parent: 'online-endpoint',
  },
  {
    kind: 'batch-deployment',
    segments: ['batchEndpoints', 'deployments'],
    wave: 15,
    listQuery: {},
    parent: 'batch-endpoint',
  },
  { kind: 'schedule', segments: ['schedules'], wave: 19, listQuery: all },
  { kind: 'job', segments: ['jobs'], wave: 20, listQuery: all },
]

/**
 * What a tracking server keeps beside experiments and runs, in restore order; all of it comes after
 * the runs, which it names. A prompt is a registered model with a tag.
 */
export const trackingKinds: readonly ListedKind[] = [
  { kind: 'logged-model' },
  { kind: 'trace' },
  { kind: 'registered-model' },
  { kind: 'model-version' },
]

const tracked: ReadonlySet<Kind> = new Set(trackingKinds.map(({ kind }) => kind))

export function isTrackingKind(kind: Kind): boolean {
  return tracked.has(kind)
}

/** Of these a tracking server mints the ids; they are so long that no two kinds share one. */
export function isMintedKind(kind: Kind): boolean {
  return kind === 'run' || kind === 'logged-model'
}

const byKind = new Map(armKinds.map((k) => [k.kind, k]))

/** The ARM shape of a kind, or undefined for kinds that have no ARM document of their own. */
export function armKind(kind: Kind): ArmKind | undefined {
  return byKind.get(kind)
}
