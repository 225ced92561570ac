import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { createClient } from '../../src/api/client.ts'
import type { Operation } from '../../src/api/contract.ts'
import { Processes } from '../../src/cli/demo/processes.ts'
import { canonicalObject } from '../../src/model/canonical.ts'
import { isObject } from '../../src/model/field-path.ts'
import { armKinds } from '../../src/model/kinds.ts'
import { formatObjectId } from '../../src/model/object-id.ts'
import { collect } from '../../src/workspace/pages.ts'
import type { Workspace } from '../../src/workspace/workspace.ts'
import {
  createProtectedPair,
  entry,
  type ProtectedPair,
  type RegionPair,
} from './protected-pair.ts'

export interface KillRound {
  readonly group: string
  /** Milliseconds after the failover was asked for (or taken up again), one for each kill. */
  readonly kills: readonly number[]
  readonly operation: Operation
  /** What differs from the world after a failover that nobody disturbed. */
  readonly differences: readonly string[]
  readonly world: World
}

/** Everything a kill could have changed, without names of the round, times and version tags. */
export interface World {
  /** Id and canonical form of each object at the new primary, sorted. */
  readonly objects: readonly string[]
  readonly config: unknown
  readonly pointer: unknown
  readonly marker: unknown
  /** One line for each start of the carried-over job. */
  readonly successorStarts: readonly string[]
}

/** Protects a group while its primary is alive; the caller kills the region afterwards. */
export async function protect(pair: RegionPair, name: string): Promise<ProtectedPair> {
  const made = await createProtectedPair(pair, name)
  const { code, stderr } = await pair.processes.run([
    ...['sync', '--plan', made.planFile, '--state', made.stateDir],
  ])
  if (code !== 0) throw new Error(`sync of ${name} ended with ${code}: ${stderr}`)
  return made
}

/** Fails over while the controller is killed at the given instants, then looks at the world. */
export async function failOverWithKills(
  made: ProtectedPair,
  kills: readonly number[],
  reference: World | undefined,
): Promise<KillRound> {
  const processes = new Processes({
    folder: made.stateDir,
    logs: made.stateDir,
    entry,
    env: process.env,
  })
  try {
    for (const afterMs of kills) {
      await startController(processes, made)
      // The controller may be gone before it answers: then nothing was accepted, or it was.
      const asked = askForFailover(made).catch(() => undefined)
      await delay(afterMs)
      await processes.kill('controller')
      await asked
    }
    await startController(processes, made)
    // What was accepted before a kill goes on by itself; asking again would be the way back.
    const [accepted] = (await clientOf(made).operations({ group: made.name })).items
    const operation = await untilOver(
      made,
      accepted?.type === 'failover' ? accepted : await askForFailover(made),
    )
    const world = await look(made)
    return {
      ...{ group: made.name, kills, operation, world },
      differences: reference === undefined ? [] : differencesOf(reference, world),
    }
  } finally {
    await processes.stopAll()
    await made.stopGateway()
  }
}

function startController(processes: Processes, { planFile, stateDir }: ProtectedPair) {
  return processes.start('controller', [
    ...['controller', '--plan', planFile, '--state', stateDir, '--listen', '127.0.0.1:0'],
    ...['--sync-every', '1h', '--probe-every', '1s', '--exit-with-parent', '--json'],
  ])
}

function clientOf({ stateDir }: ProtectedPair) {
  return createClient(JSON.parse(readFileSync(`${stateDir}/controller.json`, 'utf8')))
}

const askForFailover = (made: ProtectedPair) => clientOf(made).start(made.name, 'failover')

async function untilOver(made: ProtectedPair, started: Operation): Promise<Operation> {
  const client = clientOf(made)
  for (let operation = started; ; operation = await client.operation(started.id)) {
    if (operation.outcome !== null || operation.status === 'unknown') return operation
    await delay(50)
  }
}

async function look(made: ProtectedPair): Promise<World> {
  const west = await made.openWest()
  try {
    await untilSuccessorEnded(west)
    const objects: string[] = []
    for (const { kind } of armKinds) {
      if (!west.capabilities.kinds.has(kind) || kind === 'workspace') continue
      for (const { id, body } of await collect((page) => west.listObjects(kind, page))) {
        objects.push(`${formatObjectId(id)} ${JSON.stringify(canonicalObject(id, body))}`)
      }
    }
    const marker = await west.readMarker()
    const pointer = JSON.parse(readFileSync(`${made.stateDir}/gateway-scoring.json`, 'utf8'))
    return neutral(made.name, {
      objects,
      config: JSON.parse(readFileSync(made.config, 'utf8')),
      pointer: { active: pointer.active, epoch: pointer.epoch },
      marker: { role: marker?.role, epoch: marker?.epoch },
      successorStarts: readFileSync(made.starts, 'utf8').match(/^train-.*$/gm) ?? [],
    })
  } finally {
    await west.close()
  }
}

/** Its status is part of the world, and how far it came is not the kill's doing. */
async function untilSuccessorEnded(west: Workspace): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    const job = await west.getObject({ kind: 'job', path: ['train-e2'] })
    const status = isObject(job?.body.properties) ? job.body.properties.status : undefined
    if (status === 'Completed' || status === 'Failed') return
    await delay(100)
  }
  throw new Error('the job that was carried over did not end within a minute')
}

/** Names of the round out, so that rounds can be compared. */
function neutral(name: string, world: World): World {
  const guid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g
  const text = JSON.stringify(world)
    .replaceAll(name, 'NAME')
    .replace(guid, 'GUID')
    .replace(/NAME\w*st[0-9a-f]{10}\b/g, 'ACCOUNT')
    .replace(/localhost:\d+/g, 'HOST')
    .replace(/holdfast-kills-\w{6}/g, 'FOLDER')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
  const made = JSON.parse(text) as World
  return { ...made, objects: [...made.objects].sort() }
}

function differencesOf(reference: World, world: World): string[] {
  const facts = ({ objects, ...rest }: World): string[] => [
    ...objects,
    ...Object.entries(rest).map(([name, value]) => `${name} ${JSON.stringify(value)}`),
  ]
  const [before, after] = [facts(reference), facts(world)]
  return [
    ...without(before, after).map((fact) => `missing: ${fact}`),
    ...without(after, before).map((fact) => `too much: ${fact}`),
  ]
}

/** What `list` has more often than `others`. */
function without(list: readonly string[], others: readonly string[]): string[] {
  const left = [...others]
  return list.filter((each) => {
    const index = left.indexOf(each)
    if (index >= 0) left.splice(index, 1)
    return index < 0
  })
}
