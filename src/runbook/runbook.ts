import { HoldfastError } from '../model/errors.ts'
import type { Plane } from '../workspace/workspace.ts'
import type { WaitTerms } from './wait.ts'

/** A named list of steps: the CLI prints it, the console draws it, tests walk it. */
export interface Runbook<World> {
  readonly name: string
  readonly steps: readonly Step<World>[]
}

/**
 * A step looks, acts, then looks again (D8). Ids are journalled, so renaming one is a migration.
 */
export interface Step<World> {
  readonly id: string
  /** What it brings about, for operators; no full stop. */
  readonly title: string
  /** Reached after a cancellation, too: it puts in order what earlier steps left. */
  readonly always?: boolean
  /** Once it began there is no way back but another run: nothing is aborted any more. */
  readonly noReturn?: boolean
  /** An operator may leave it out: nothing that is promised (I1 to I7) depends on it. */
  readonly skippable?: boolean
  /** How long acting may take, in milliseconds. Default: an hour. */
  readonly timeoutMs?: number
  /**
   * How often an act that failed for a passing reason is repeated. Default: never, because calls to
   * workspaces are repeated below (`retrying`).
   */
  readonly retries?: number
  /** Present: people act, and the journal is what is looked at; `act` is never called. */
  readonly wait?: WaitTerms
  /** Planes that must answer for the step to succeed. Best-effort use of a plane is not a need. */
  readonly needs: readonly Need[]
  /** Asks the world, changes nothing, may be asked any number of times. */
  isDone(world: World, tools: StepTools): Promise<Look>
  /**
   * Changes the world. Runs again after a crash at any point of an earlier try, so every effect in
   * it must be idempotent (I2). Returning an ending replaces the second look.
   */
  act(world: World, tools: StepTools): Promise<Ending | undefined>
  /**
   * Takes back what an act did or began to do, when the run is aborted; says what it did. Runs again
   * after a crash, so it must be idempotent. Absent: there is nothing to take back.
   */
  undo?(world: World, tools: StepTools): Promise<string>
}

export interface Need {
  /** `source`: where the group worked until now; `target`: the other side. */
  readonly member: 'source' | 'target'
  readonly plane: Plane
}

export interface Look {
  readonly done: boolean
  /** One sentence for operators: what was found. */
  readonly detail: string
  /** Only what was recorded can be seen: that nothing is found does not mean that nothing was done. */
  readonly blind?: boolean
}

/**
 * How an act ended that judges itself. The text is one sentence for operators.
 *
 * - `skipped`, `partial`: not everything was done, and the runbook goes on.
 * - `done`: the act has looked at its own effect, where a look that fails must not stop the runbook.
 */
export type Ending =
  | { readonly skipped: string }
  | { readonly partial: string }
  | { readonly done: string }

export interface StepTools {
  /** Aborts when this process shuts down; the step is then resumed by the next one. */
  readonly signal: AbortSignal
  readonly now: () => Date
  progress(progress: StepProgress): void
}

export interface StepProgress {
  readonly done: number
  readonly total: number | null
  readonly bytes: number | null
}

export function runbook<World>(name: string, steps: readonly Step<World>[]): Runbook<World> {
  const ids = new Set(steps.map((each) => each.id))
  if (ids.size !== steps.length) throw new Error(`runbook ${name} has two steps of one id`)
  return { name, steps }
}

export function step<World>(id: string, body: Omit<Step<World>, 'id'>): Step<World> {
  return { id, ...body }
}

/**
 * D8: an unplanned run whose steps need the failed region is refused before the first step. Throws
 * `runbook.needs-failed-region` (operator).
 */
export function refuseNeedsOfFailedMember<World>(
  book: Runbook<World>,
  failed: Need['member'],
): void {
  const needing = book.steps.filter((each) => each.needs.some((need) => need.member === failed))
  if (needing.length === 0) return
  throw new HoldfastError(
    'runbook.needs-failed-region',
    `${book.name} cannot run while the ${failed} is down: ${needing.map((each) => each.id).join(', ')} need it.`,
    { kind: 'operator', hint: 'Take these steps out of the runbook, or wait for the region.' },
  )
}
