import { formatObjectId } from '../model/object-id.ts'
import type { EpochRegister } from '../runbook/epoch-register.ts'
import type { Journal, Run } from '../runbook/journal.ts'
import type { WorkspaceObject } from '../workspace/workspace.ts'
import { type Quieted, readFact, writeFact } from './facts.ts'

/** A move that turned schedules off and stopped jobs at the side it leaves, and did not turn them on again. */
export interface QuietMove {
  readonly run: Run
  readonly quieted: Quieted
}

const moves: readonly string[] = ['failover', 'switchover', 'failback']

/** Of the moves that set out in this epoch; newest first. */
export async function quietMovesOf(
  {
    group,
    journal,
    epochs,
  }: { readonly group: string; readonly journal: Journal; readonly epochs: EpochRegister },
  epoch: number,
): Promise<QuietMove[]> {
  const begun = (await epochs.history(group)).find((one) => one.epoch === epoch)
  if (begun === undefined) return []
  const found: QuietMove[] = []
  for (const run of await journal.list({ group, since: begun.since })) {
    const { id, runbook } = run.header
    const isUndone = run.state.status === 'done' && run.state.outcome === 'aborted'
    if (!moves.includes(runbook) || id === begun.begunBy || isUndone) continue
    const quieted = await readFact({ run: id, journal }, 'quieted')
    if (quieted !== undefined) found.push({ run, quieted })
  }
  return found
}

/** Before anything is turned off, so that a crash cannot hide what was; gives all that is noted. */
export async function noteQuieted(
  world: { readonly run: string; readonly journal: Journal },
  schedules: readonly WorkspaceObject[],
  jobs: readonly string[],
): Promise<Quieted> {
  const known = (await readFact(world, 'quieted')) ?? { schedules: [], jobs: [] }
  const found = schedules.map(({ id }) => formatObjectId(id))
  const quieted = {
    schedules: [...new Set([...known.schedules, ...found])],
    jobs: [...new Set([...known.jobs, ...jobs])],
  }
  await writeFact(world, 'quieted', quieted)
  return quieted
}
