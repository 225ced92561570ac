import { interceptWorkspace } from '../workspace/decorators/intercept.ts'
import type { Run, RunName } from '../workspace/workspace.ts'
import type { BatchWork, Claim } from './batch-board.ts'
import type { Lease } from './batch-executor.ts'
import { type BlobPair, performBlobs } from './blob-batch.ts'
import { inIdsOfTheSource } from './in-ids-of-the-source.ts'
import { PassEnd } from './pass-end.ts'
import { type Pass, reading } from './pass-state.ts'
import { performRuns } from './run-batch.ts'
import type { RunWriter } from './write-runs.ts'

/** What was listed of a batch: known only where the pass is, and only good for the first attempt. */
export interface Listed {
  readonly runs?: readonly Run[]
  readonly blobs?: readonly BlobPair[]
}

/** A batch as a part of its pass: it ends with it, and has no effect once its lease is lost. */
export function batchPass(pass: Pass, { attempt }: Claim, lease: Lease): Pass {
  // Who had it before may have created runs that nobody has noted: a new look finds them (I2).
  const { target, ledger, ...context } = attempt > 1 ? inIdsOfTheSource(pass.given) : pass.context
  return {
    ...pass,
    context: {
      ...context,
      signal: lease.signal,
      target: interceptWorkspace(target, (call, next) => {
        if (call.writes) lease.check()
        return next()
      }),
      ledger: {
        ...ledger,
        write: async (direction, entries) => {
          lease.check()
          await ledger.write(direction, entries)
        },
      },
    },
    begun: new Set(),
    end: new PassEnd(pass.end),
  }
}

/** Gives runs whose parents are not there yet. */
export async function performBatch(
  pass: Pass,
  writer: RunWriter,
  work: BatchWork,
  listed: Listed = {},
): Promise<RunName[]> {
  if (work.of === 'blobs') {
    await performBlobs(pass, work.store, work.names, listed.blobs)
    return []
  }
  // What is gone since it was listed is not wanted any more.
  const runs = listed.runs ?? (await pass.context.source.getRuns(work.runs, reading(pass)))
  const late = await performRuns(pass, writer, runs, work.targetIsEmpty)
  return late.map(nameOf)
}

export const nameOf = ({ runId, experimentName }: RunName): RunName => ({ runId, experimentName })
