import { object } from '../../jobs/checkpoint-place.ts'
import { isDrillObject } from '../../model/drill.ts'
import type { Workspace, WorkspaceObject } from '../../workspace/workspace.ts'
import { readFact, writeFact } from '../facts.ts'
import type { ProcedureWorld } from '../ports.ts'
import { listAll, setProperties } from './object-changes.ts'

type Traffic = Readonly<Record<string, number>>

export async function endpointsWithTraffic(
  workspace: Workspace,
  signal: AbortSignal,
): Promise<WorkspaceObject[]> {
  const all = await listAll(workspace, 'online-endpoint', signal)
  return all.filter(
    (endpoint) =>
      !isDrillObject(endpoint.id, endpoint.body) &&
      Object.values(trafficOf(endpoint)).some((share) => share > 0),
  )
}

/** Writes down what it takes before it takes it, so that it can be given back. */
export async function takeTrafficAway(
  world: Pick<ProcedureWorld, 'run' | 'journal'>,
  workspace: Workspace,
  epoch: number,
  signal: AbortSignal,
): Promise<void> {
  for (const endpoint of await endpointsWithTraffic(workspace, signal)) {
    const name = endpoint.id.path[0] ?? ''
    const taken = (await readFact(world, 'traffic')) ?? {}
    await writeFact(world, 'traffic', { ...taken, [name]: trafficOf(endpoint) })
    await setProperties(workspace, endpoint, { traffic: {} }, epoch, signal)
  }
}

export function trafficOf(endpoint: WorkspaceObject): Traffic {
  const entries = Object.entries(object(object(endpoint.body.properties).traffic))
  return Object.fromEntries(
    entries.flatMap(([name, share]) => (typeof share === 'number' ? [[name, share]] : [])),
  )
}
