import { randomUUID } from 'node:crypto'
import { HoldfastError } from '../../model/errors.ts'
import { isObject } from '../../model/field-path.ts'
import { armKinds, type Kind } from '../../model/kinds.ts'
import { formatObjectId } from '../../model/object-id.ts'
import type { Place } from '../../model/place.ts'
import { newSealingKey } from '../sealing.ts'
import { secretOf } from '../secret.ts'
import type { Workspace } from '../workspace.ts'
import { memoryBlobs } from './memory-blobs.ts'
import { memoryHistory } from './memory-history.ts'
import { memoryImages } from './memory-images.ts'
import { memoryObjects, setJobStatus } from './memory-objects.ts'
import {
  begin,
  closeWorld,
  createWorld,
  type MemoryWorld,
  notFound,
  type RecordedWrite,
} from './memory-world.ts'

export interface MemoryWorkspaceOptions {
  /** Member name. Default `memory`. */
  readonly name?: string
  /** Default: a place made from the name. */
  readonly place?: Partial<Place>
  readonly clock?: () => Date
  /** Runs get ids of the workspace's choice and hold their artifacts, as at an MLflow server. */
  readonly mintsRunIds?: boolean
}

/** A whole workspace in memory: the reference of the port's contract, and what tests stand on. */
export interface MemoryWorkspace extends Workspace {
  readonly place: Place
  /** Every effect so far, with its epoch. Refused and cancelled calls leave none. */
  readonly writes: readonly RecordedWrite[]
  /** How many times a job of this name was really started. */
  startsOf(jobName: string): number
  /** As the compute would: `Completed`, `Failed`, … */
  setJobStatus(jobName: string, status: string): void
}

export function memoryWorkspace(options: MemoryWorkspaceOptions = {}): MemoryWorkspace {
  const { name = 'memory', clock = () => new Date(), mintsRunIds = false } = options
  const place: Place = { ...placeNamed(name), ...options.place }
  const world = createWorld(name, place, clock, mintsRunIds)
  return {
    name,
    place,
    writes: world.writes,
    startsOf: (jobName) => world.submissions.get(jobName) ?? 0,
    setJobStatus: (jobName, status) => {
      if (!setJobStatus(world, jobName, status)) throw notFound(world, `job ${jobName}`)
    },
    capabilities: {
      keepsRunIds: !mintsRunIds,
      artifacts: mintsRunIds ? 'in-runs' : 'in-stores',
      limits: { runsPerRead: mintsRunIds ? 10 : 1, valuesPerWrite: 250 },
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
    },
    async describe(callOptions) {
      await begin(world, callOptions)
      return place
    },
    ...memoryObjects(world),
    ...memoryHistory(world),
    ...memoryBlobs(world),
    ...memoryImages(world),
    ...memoryOutside(world),
    close: async () => closeWorld(world),
  }
}

type OutsideOperations = Pick<
  Workspace,
  | 'readSealingKey'
  | 'makeSealingKey'
  | 'findNotProtected'
  | 'readClock'
  | 'readCapacity'
  | 'readServiceEvents'
  | 'readResourceHealth'
  | 'readAccess'
  | 'invokeEndpoint'
  | 'probe'
  | 'readMarker'
  | 'writeMarker'
>

function memoryOutside(world: MemoryWorld): OutsideOperations {
  return {
    async invokeEndpoint(endpoint, payload, options) {
      await begin(world, options)
      const found = world.objects.get(formatObjectId({ kind: 'online-endpoint', path: [endpoint] }))
      if (found === undefined) throw notFound(world, `online endpoint ${endpoint}`)
      const deployment = busiestDeployment(found.body.properties)
      const { region } = world.place
      if (deployment === undefined) return { status: 404, body: new Uint8Array(), region }
      return { status: 200, body: payload.slice(), region, deployment }
    },

    async readSealingKey(options) {
      await begin(world, options)
      const isAsked = options?.id === undefined || options.id === world.sealingKey?.id
      return isAsked ? world.sealingKey : undefined
    },

    async makeSealingKey(options) {
      await begin(world, options)
      world.sealingKey ??= { id: randomUUID(), key: secretOf(newSealingKey()) }
      return world.sealingKey
    },

    async findNotProtected(options) {
      await begin(world, options)
      return []
    },

    async readClock(options) {
      await begin(world, options)
      return world.clock()
    },

    async readCapacity(options) {
      await begin(world, options)
      return undefined
    },

    async readServiceEvents(options) {
      await begin(world, options)
      return []
    },

    async readResourceHealth(options) {
      await begin(world, options)
      return []
    },

    async readAccess(options) {
      await begin(world, options)
      return undefined
    },

    async probe(plane, options) {
      await begin(world, options)
      return { plane, healthy: true, latencyMs: 0, at: world.clock().toISOString() }
    },

    async readMarker(options) {
      await begin(world, options)
      return world.marker
    },

    async writeMarker(marker, options) {
      await begin(world, options)
      const held = world.marker
      if (held !== undefined && marker.epoch < held.epoch) {
        throw new HoldfastError(
          'epoch.stale',
          `${world.name} is marked with epoch ${held.epoch}; ${marker.epoch} is past`,
          { place: world.name },
        )
      }
      world.marker = { ...marker }
      world.writes.push({ operation: 'writeMarker', target: marker.role, epoch: options.epoch })
    },
  }
}

function busiestDeployment(properties: unknown): string | undefined {
  const traffic = (properties as { traffic?: unknown } | undefined)?.traffic
  if (!isObject(traffic as never)) return undefined
  const shares = Object.entries(traffic as Record<string, number>).sort(([, a], [, b]) => b - a)
  return shares[0]?.[0]
}

function placeNamed(name: string): Place {
  const hex = Buffer.from(name).toString('hex').padEnd(12, '0').slice(0, 12)
  const subscriptionId = '00000000-0000-4000-8000-000000000001'
  const workspaceGuid = `00000000-0000-4000-9000-${hex}`
  const resourceGroup = `rg-${name}`
  const storageAccount = `st${name.toLowerCase().replace(/[^a-z0-9]/g, '')}`.slice(0, 24)
  const providers = `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers`
  return {
    subscriptionId,
    resourceGroup,
    workspaceName: `ws-${name}`,
    workspaceGuid,
    region: name.toLowerCase(),
    storageAccount,
    blobOrigin: `https://${storageAccount}.blob.core.windows.net`,
    apiOrigin: `https://${name.toLowerCase()}.api.azureml.ms`,
    associated: {
      storageAccount: `${providers}/Microsoft.Storage/storageAccounts/${storageAccount}`,
      keyVault: `${providers}/Microsoft.KeyVault/vaults/kv-${name}`,
      applicationInsights: undefined,
      containerRegistry: undefined,
    },
    imageRegistry: {
      server: `${storageAccount}.azurecr.io`,
      regions: [name.toLowerCase()],
    },
    containers: {
      workspaceblobstore: `azureml-blobstore-${workspaceGuid}`,
      workspaceartifactstore: 'azureml',
    },
  }
}
