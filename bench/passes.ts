import type { PassResult, ReplicationContext } from '../src/replication/pass.ts'
import { replicate } from '../src/replication/replicate.ts'
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

/** One tag of each of the first runs, as somebody would set it. */
export async function changeRuns(workspace: Workspace): Promise<void> {
  for (let i = 0; i < changedRuns; i += 1) {
    const run = await workspace.getRun(`run-${i}`)
    if (run === undefined) throw new Error('a filled region has its first runs')
    const body = { ...run.body, tags: { ...(run.body.tags as object), reviewed: 'yes' } }
    await workspace.putRuns(run.experimentName, [{ ...run, body }], { epoch: 1 })
  }
}
