import { object } from '../../../jobs/checkpoint-place.ts'
import { writableObject } from '../../../model/canonical.ts'
import { drillName, drillTag, isDrillObject } from '../../../model/drill.ts'
import type { JsonObject } from '../../../model/json.ts'
import { formatObjectId, type ObjectId, parseObjectId } from '../../../model/object-id.ts'
import { smallest, withoutRouting } from '../../../replication/standing-form.ts'
import { opened } from '../../../workspace/sealing.ts'
import type { WorkspaceObject } from '../../../workspace/workspace.ts'
import { ledgerDirection } from '../../ledger-reads.ts'
import type { DrillWorld } from '../../ports.ts'
import { listAll } from '../object-changes.ts'

/** An object as a failover would leave it at the secondary, made over for the drill. */
export interface Copy {
  readonly id: ObjectId
  readonly body: JsonObject
}

export interface EndpointCopies {
  readonly original: string
  readonly endpoint: Copy
  readonly deployments: readonly Copy[]
  /** Requests are shared so once the deployments stand; empty: the original takes none. */
  readonly traffic: JsonObject
}

/** From what was captured where something was held back, else from what stands. */
export async function endpointCopies(
  world: DrillWorld,
  signal: AbortSignal,
): Promise<EndpointCopies[]> {
  const endpoints = await wanted(world, 'online-endpoint', signal)
  const deployments = await wanted(world, 'online-deployment', signal)
  return endpoints.map(({ id, body }) => {
    const original = id.path[0] ?? ''
    const name = drillName(world.run, original)
    const own = deployments.filter((each) => each.id.path[0] === original)
    return {
      original,
      endpoint: {
        id: { ...id, path: [name] },
        body: tagged(world, withoutRouting(body)),
      },
      deployments: own.map((each) => ({
        id: { ...each.id, path: [name, each.id.path[1] ?? ''] },
        body: tagged(world, smallest(each.body)),
      })),
      traffic: object(object(body.properties).traffic),
    }
  })
}

async function wanted(
  world: DrillWorld,
  kind: 'online-endpoint' | 'online-deployment',
  signal: AbortSignal,
): Promise<Copy[]> {
  const standing = await standingOf(world, kind, signal)
  const found = new Map(
    standing
      .filter(({ id, body }) => !isDrillObject(id, body))
      .map(({ id, body }) => [formatObjectId(id), { id, body: writableObject(id, body) }]),
  )
  for (let after: string | undefined; ; ) {
    const page = await world.definitions.list(ledgerDirection(world), {
      kind,
      limit: 500,
      ...(after === undefined ? {} : { after }),
    })
    for (const { object: name, body } of page) {
      const id = parseObjectId(name)
      const open = await opened(world.target, body, { signal })
      found.set(name, { id, body: writableObject(id, open) })
    }
    if (page.length < 500) return [...found.values()]
    after = page.at(-1)?.object
  }
}

async function standingOf(
  { target }: DrillWorld,
  kind: 'online-endpoint' | 'online-deployment',
  signal: AbortSignal,
): Promise<WorkspaceObject[]> {
  return target.capabilities.kinds.has(kind) ? listAll(target, kind, signal) : []
}

function tagged({ run }: DrillWorld, body: JsonObject): JsonObject {
  return { ...body, tags: { ...object(body.tags), [drillTag]: run } }
}
