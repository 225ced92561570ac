import { armKinds } from '../src/model/kinds.ts'
import type { PassResult, ReplicationContext } from '../src/replication/pass.ts'
import { replicate } from '../src/replication/replicate.ts'
import { allPages } from '../src/workspace/pages.ts'
import type { Workspace } from '../src/workspace/workspace.ts'

export const changedRuns = 100

export interface TimedPass extends PassResult {
  readonly seconds: number
}

/** Throws unless it is complete. */
export async function timedPass(context: ReplicationContext): Promise<TimedPass> {
  const begin = performance.now()
  const result = await replicate(context)
  if (result.outcome !== 'complete') throw new Error(`the pass ended ${JSON.stringify(result)}`)
  return { ...result, seconds: (performance.now() - begin) / 1000 }
}

/** Everything a pass has to look at, read and thrown away. */
export async function timedListing(sides: readonly Workspace[]): Promise<number> {
  const begin = performance.now()
  await Promise.all(
    sides.map(async (side) => {
      for (const { kind } of armKinds) {
        if (kind === 'job') continue
        await drain(allPages((page) => side.listObjects(kind, page)))
      }
      await drain(allPages((page) => side.listExperiments(page)))
      await drain(allPages((page) => side.listRuns(page)))
    }),
  )
  return (performance.now() - begin) / 1000
}

async function drain(items: AsyncGenerator<unknown>): Promise<void> {
  for await (const _ of items);
}

/** One tag of each of the first runs, as somebody would set it. */
export async function changeRuns(workspace: Workspace): Promise<void> {
  for (let i = 0; i < changedRuns; i += 1) {
    const run = await workspace.getRun(`run-${i}`)
    if (run === undefined) throw new Error('a filled region has its first runs')
    const body = { ...run.body, tags: { ...(run.body.tags as object), reviewed: 'yes' } }
    await workspace.putRuns(run.experimentName, [{ ...run, body }], { epoch: 1 })
  }
}
