import { formatObjectId } from '../model/object-id.ts'
import type { Journal, Run } from '../runbook/journal.ts'
import type { WorkspaceObject } from '../workspace/workspace.ts'
import { type Quieted, readFact, writeFact } from './facts.ts'

/** A move (or the re-protection after it) that turned schedules off and stopped jobs at the side it leaves, and did not turn them on again. */
export interface QuietMove {
  readonly run: Run
  readonly quieted: Quieted
}

const moves = ['failover', 'switchover', 'failback', 'reprotect'] as const
/** Moves that set out in one epoch and did not end in the next: there are never many. */
const mostTries = 20

/**
 * Of the moves that set out in this epoch. Told by the epoch they noted: clocks differ. `among`: only
 * of these; what each noted is read.
 */
export async function quietMovesOf(
  { group, journal }: { readonly group: string; readonly journal: Journal },
  epoch: number,
  among: (run: Run) => boolean = () => true,
): Promise<QuietMove[]> {
  const tries = await Promise.all(
    moves.map((runbook) => journal.list({ group, runbook, limit: mostTries })),
  )
  const standing = tries.flat().filter((run) => !isUndone(run) && among(run))
  const found = await Promise.all(
    standing.map(async (run) => {
      const quieted = await readFact({ run: run.header.id, journal }, 'quieted')
      return quieted?.epoch === epoch ? [{ run, quieted }] : []
    }),
  )
  return found.flat()
}

const isUndone = ({ state }: Run): boolean => state.status === 'done' && state.outcome === 'aborted'

/** Object ids of the schedules that moves out of this epoch found on and turned off. */
export async function schedulesOff(
  world: { readonly group: string; readonly journal: Journal },
  epoch: number,
): Promise<ReadonlySet<string>> {
  return schedulesOf(await quietMovesOf(world, epoch))
}

export function schedulesOf(moves: readonly QuietMove[]): ReadonlySet<string> {
  return new Set(moves.flatMap(({ quieted: { schedules } }) => schedules))
}

/** Before anything is turned off, so that a crash cannot hide what was; gives all that is noted. */
export async function noteQuieted(
  world: { readonly run: string; readonly journal: Journal; readonly expectedEpoch: number },
  schedules: readonly WorkspaceObject[],
  jobs: readonly string[],
): Promise<Quieted> {
  const { expectedEpoch: epoch } = world
  const known = (await readFact(world, 'quieted')) ?? { epoch, schedules: [], jobs: [] }
  const found = schedules.map(({ id }) => formatObjectId(id))
  const quieted = {
    epoch,
    schedules: [...new Set([...known.schedules, ...found])],
    jobs: [...new Set([...known.jobs, ...jobs])],
  }
  await writeFact(world, 'quieted', quieted)
  return quieted
}
