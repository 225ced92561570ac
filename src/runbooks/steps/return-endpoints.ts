import type { Look, StepTools } from '../../runbook/runbook.ts'
import type { WorkspaceObject } from '../../workspace/workspace.ts'
import { readFact } from '../facts.ts'
import type { ReprotectWorld } from '../ports.ts'
import { trafficOf } from './endpoint-traffic.ts'
import { setProperties } from './object-changes.ts'
import { refuseOvertakenReprotection } from './own-epoch.ts'
import { pointExists } from './replicate-back.ts'

/**
 * A fence that could reach the old primary took its endpoints' traffic away. As a secondary it is to
 * look like the primary again, or replication would find a change it did not make (I3).
 */
export async function endpointsAreReturned(world: ReprotectWorld, tools: StepTools): Promise<Look> {
  const waiting = await waitingEndpoints(world, tools.signal)
  if (waiting.length > 0) {
    return { done: false, detail: `Endpoints without traffic yet: ${waiting.length}.` }
  }
  return { done: true, detail: 'No endpoint waits for traffic that a fence took.' }
}

export async function returnEndpoints(world: ReprotectWorld, tools: StepTools): Promise<undefined> {
  const { epoch } = await refuseOvertakenReprotection(world)
  for (const { endpoint, traffic } of await waitingEndpoints(world, tools.signal)) {
    await setProperties(world.returning, endpoint, { traffic }, epoch, tools.signal)
  }
}

async function waitingEndpoints(world: ReprotectWorld, signal: AbortSignal) {
  // From the first whole pass on, replication says how they stand there.
  if ((await pointExists(world)).done) return []
  const taken = await takenTraffic(world)
  const waiting: { endpoint: WorkspaceObject; traffic: Readonly<Record<string, number>> }[] = []
  for (const [name, traffic] of Object.entries(taken)) {
    const id = { kind: 'online-endpoint', path: [name] } as const
    const endpoint = await world.returning.getObject(id, { signal })
    if (endpoint === undefined) continue
    // Traffic that somebody else set meanwhile stays.
    if (Object.keys(trafficOf(endpoint)).length === 0) waiting.push({ endpoint, traffic })
  }
  return waiting
}

/** Noted by the failover that began this epoch. */
async function takenTraffic(world: ReprotectWorld) {
  const { begunBy } = await refuseOvertakenReprotection(world)
  if (begunBy === null) return {}
  return (await readFact({ run: begunBy, journal: world.journal }, 'traffic')) ?? {}
}
