import { object } from '../../../jobs/checkpoint-place.ts'
import { jobPhase } from '../../../jobs/job-state.ts'
import { toRunError } from '../../../runbook/durable-engine.ts'
import type { Ending, Look, StepTools } from '../../../runbook/runbook.ts'
import { readFact, writeFact } from '../../facts.ts'
import type { DrillWorld } from '../../ports.ts'
import { findDrillObjects, namesOf } from './drill-objects.ts'

const retryMs = 250

export async function leftoversAreGone(world: DrillWorld, { signal }: StepTools): Promise<Look> {
  // After a restart what stands may be our own.
  if ((await readFact(world, 'cold')) !== undefined) {
    return { done: true, detail: 'Earlier drills left nothing.' }
  }
  const left = namesOf(await findDrillObjects(world.target, signal))
  if (left.length === 0) return { done: true, detail: 'Earlier drills left nothing.' }
  return { done: false, detail: `Left by earlier drills: ${left.length}, first ${left[0]}.` }
}

export async function removeLeftovers(world: DrillWorld, tools: StepTools): Promise<undefined> {
  await removeAll(world, tools)
}

export async function isCleanedUp(world: DrillWorld): Promise<Look> {
  const cleaned = await readFact(world, 'cleaned')
  if (cleaned === undefined) return { done: false, detail: 'The clean-up has not ended.' }
  return { done: cleaned.left.length === 0, detail: sentence(cleaned) }
}

/** Noted before it is removed, so that a restart cannot hide it. */
async function noteFound(world: DrillWorld, names: readonly string[]): Promise<void> {
  const before = (await readFact(world, 'cleaning'))?.found ?? []
  await writeFact(world, 'cleaning', { found: [...new Set([...before, ...names])] })
}

/** What cannot be removed is named here and fails the drill at its end, after the report. */
export async function cleanUp(world: DrillWorld, tools: StepTools): Promise<Ending> {
  const { signal } = tools
  await noteFound(world, [])
  try {
    await removeAll(world, tools, (names) => noteFound(world, names))
    const left = namesOf(await findDrillObjects(world.target, signal))
    const removed = [...((await readFact(world, 'cleaning'))?.found ?? [])].sort()
    const cleaned = { removed, left }
    await writeFact(world, 'cleaned', cleaned)
    return left.length === 0 ? { done: sentence(cleaned) } : { partial: sentence(cleaned) }
  } catch (error) {
    signal.throwIfAborted()
    return { partial: `What is left is unknown: ${toRunError(error).message}` }
  }
}

/**
 * In the epoch of now: whoever leads, copies of a drill are nobody's work. Jobs end before their
 * files are removed, or they would write more.
 */
async function removeAll(
  world: DrillWorld,
  { signal }: StepTools,
  note: (names: readonly string[]) => Promise<void> = async () => undefined,
): Promise<void> {
  const { target } = world
  const epoch = (await world.epochs.current(world.group))?.epoch ?? world.epoch
  const { objects } = await findDrillObjects(target, signal)
  await note(namesOf({ objects, blobs: [] }))
  for (const { id } of objects) {
    if (id.kind === 'job') await endJob(world, id.path[0] ?? '', epoch, signal)
  }
  await Promise.all(objects.map(({ id }) => target.deleteObject(id, { epoch, signal })))
  const { blobs } = await findDrillObjects(target, signal)
  await note(namesOf({ objects: [], blobs }))
  for (const { store, name } of blobs) await target.deleteBlob(store, name, { epoch, signal })
}

async function endJob(
  { target, now, sleep, warmLimitMs }: DrillWorld,
  name: string,
  epoch: number,
  signal: AbortSignal,
): Promise<void> {
  const limit = now().getTime() + warmLimitMs
  await target.cancelJob(name, { epoch, signal })
  for (;;) {
    const found = await target.getObject({ kind: 'job', path: [name] }, { signal })
    const state = String(object(found?.body.properties).status ?? 'Canceled')
    if (jobPhase(state) === 'finished' || now().getTime() >= limit) return
    await sleep(retryMs, signal)
    signal.throwIfAborted()
  }
}

function sentence({
  removed,
  left,
}: {
  readonly removed: readonly string[]
  readonly left: readonly string[]
}): string {
  if (left.length === 0) return `Removed: ${removed.length}; nothing is left.`
  return `Still there: ${left.length}, first ${left[0]}.`
}
