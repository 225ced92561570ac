import { HoldfastError } from '../../model/errors.ts'
import type { JsonObject } from '../../model/json.ts'
import { formatObjectId, type ObjectId } from '../../model/object-id.ts'
import type { StableEndpoint, StablePointer } from '../../traffic/stable-endpoint.ts'
import { type FaultyWorkspace, faulty } from '../../workspace/decorators/faulty.ts'
import { type MemoryWorkspace, memoryWorkspace } from '../../workspace/memory/memory-workspace.ts'

export const clock = () => new Date('2026-01-01T12:00:00.000Z')

/** What lives outside every controller: two regions and two stable endpoints. */
export interface Regions {
  readonly east: FaultyWorkspace
  readonly west: FaultyWorkspace
  readonly gateway: StableEndpoint
  readonly config: StableEndpoint
  readonly memory: { readonly east: MemoryWorkspace; readonly west: MemoryWorkspace }
}

export const id = (kind: ObjectId['kind'], ...path: string[]): ObjectId => ({ kind, path })
export const names = {
  endpoint: id('online-endpoint', 'fraud'),
  deployment: id('online-deployment', 'fraud', 'blue'),
  schedule: id('schedule', 'nightly'),
  dormant: id('schedule', 'dormant'),
  coldModel: id('model', 'cold', '1'),
  late: id('model', 'late', '1'),
} as const

/** As after weeks of replication: west stands ready, schedules off, one model only captured. */
export async function createRegions(): Promise<Regions> {
  const memory = {
    east: memoryWorkspace({ name: 'east', clock }),
    west: memoryWorkspace({ name: 'west', clock }),
  }
  const epoch = 1
  for (const side of [memory.east, memory.west]) {
    const enabled = side === memory.east
    await side.putObject(names.endpoint, { properties: { authMode: 'Key' } }, { epoch })
    await side.putObject(names.deployment, { properties: { model: 'm' } }, { epoch })
    const traffic = { properties: { authMode: 'Key', traffic: { blue: 100 } } }
    await side.putObject(names.endpoint, traffic, { epoch })
    await side.putObject(names.schedule, schedule(enabled), { epoch })
    await side.putObject(names.dormant, schedule(false), { epoch })
  }
  await memory.east.putObject(names.coldModel, coldBody, { epoch })
  // Registered a moment before the outage: no pass saw it.
  await memory.east.putObject(names.late, { properties: { modelUri: 'late' } }, { epoch })
  for (const [name, body] of Object.entries(jobs)) {
    await memory.east.submitJob(name, body, { epoch })
  }
  for (const step of [2, 12]) await writeCheckpoint(memory.east, `train/step-${step}.json`)
  memory.east.setJobStatus('queued', 'Queued')
  memory.east.setJobStatus('finished', 'Completed')
  const since = clock().toISOString()
  await memory.east.writeMarker({ group: 'g', role: 'primary', epoch, since }, { epoch })
  await memory.west.writeMarker({ group: 'g', role: 'secondary', epoch, since }, { epoch })
  const first = { member: 'east', epoch: 1 }
  return {
    memory,
    east: faulty(memory.east, clock),
    west: faulty(memory.west, clock),
    gateway: memoryStableEndpoint('gateway scoring', first),
    config: memoryStableEndpoint('config.json', first),
  }
}

export const coldBody: JsonObject = { properties: { modelUri: 'cold' } }
export const schedule = (isEnabled: boolean): JsonObject => ({
  properties: { isEnabled, trigger: { expression: '0 0 * * *' } },
})
/** Content does not matter: what is proven of it stands in the ledger. */
async function writeCheckpoint(side: MemoryWorkspace, name: string): Promise<void> {
  const blob = { name: `checkpoints/${name}`, sizeBytes: 1, etag: '', metadata: {} }
  const modifiedAt = clock().toISOString()
  const content = new Blob(['1']).stream()
  await side.writeBlob('workspaceblobstore', { ...blob, modifiedAt }, content, { epoch: 1 })
}
const checkpointed = (name: string): JsonObject => ({
  properties: {
    jobType: 'Command',
    command: 'python train.py',
    outputs: {
      checkpoints: {
        uri: `azureml://datastores/workspaceblobstore/paths/checkpoints/${name}/`,
      },
    },
  },
})
const plain: JsonObject = { properties: { jobType: 'Command', command: 'python x.py' } }
const jobs: Record<string, JsonObject> = {
  train: checkpointed('train'),
  queued: plain,
  unsaved: plain,
  finished: plain,
}

export function memoryStableEndpoint(name: string, first: StablePointer): StableEndpoint {
  let pointer = first
  return {
    name,
    current: async () => pointer,
    switchTo: async (wanted) => {
      if (wanted.epoch < pointer.epoch) {
        throw new HoldfastError('epoch.stale', `${name} is at epoch ${pointer.epoch}`)
      }
      pointer = { ...wanted }
    },
    verify: async (wanted) => {
      if (wanted.member !== pointer.member) {
        throw new HoldfastError('traffic.not-switched', `${name} leads to ${pointer.member}`)
      }
    },
  }
}

/** Everything a crash could have changed, without times and version tags. */
export async function snapshot(regions: Regions): Promise<unknown> {
  const { east, west } = regions.memory
  const side = async (workspace: MemoryWorkspace) => {
    const objects: Record<string, unknown> = {}
    for (const kind of ['online-endpoint', 'schedule', 'job'] as const) {
      for (const { id, body } of (await workspace.listObjects(kind)).items) {
        objects[formatObjectId(id)] = body.properties
      }
    }
    for (const model of [names.coldModel, names.late]) {
      objects[formatObjectId(model)] = (await workspace.getObject(model))?.body.properties
    }
    const jobNames = Object.keys(objects)
      .filter((name) => name.startsWith('job/'))
      .map((name) => name.slice(4))
    return {
      objects,
      starts: Object.fromEntries(jobNames.map((name) => [name, workspace.startsOf(name)])),
      marker: await workspace.readMarker(),
    }
  }
  return {
    east: await side(east),
    west: await side(west),
    gateway: await regions.gateway.current(),
    config: await regions.config.current(),
  }
}
