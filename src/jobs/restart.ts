import type { Workspace } from '../workspace/workspace.ts'
import type { CapturedJob, DecidedJob } from './captured-job.ts'
import { type JobPolicy, originOf, successorName } from './decide.ts'
import { isOpen } from './job-state.ts'
import type { JobDecisions, JobStore } from './job-store.ts'
import { overThere } from './open-jobs.ts'
import { decided } from './resubmit.ts'
import { type Proven, resumptionOf } from './resumption.ts'
import { stateAt } from './state-at.ts'

export interface RestartContext {
  /** The planned move that was given up. */
  readonly run: string
  readonly group: string
  /** Where the jobs ran and run again. */
  readonly source: Pick<Workspace, 'name' | 'getObject'>
  /** In which the source leads. */
  readonly epoch: number
  /** Names of the jobs that the move had stopped, or was about to. */
  readonly stopped: readonly string[]
  readonly store: JobStore
  readonly policy: JobPolicy
  /** What of their work stands at the source. */
  readonly standing: Proven
  readonly now: () => Date
  readonly signal: AbortSignal
}

/**
 * Decides once what becomes of each job that a planned move had stopped and that nobody moves any
 * more; `resubmitJobs` with the source as its target hands in what shall run again (I6).
 */
export async function decideRestarts(context: RestartContext): Promise<JobDecisions> {
  const { run, group, source, epoch, store } = context
  const known = await store.readDecisions(run)
  if (known !== undefined) return known
  const jobs: DecidedJob[] = []
  for (const name of context.stopped) jobs.push(await restartOf(name, context))
  return store.decideOnce({ run, group, source: source.name, epoch, restart: true, jobs })
}

async function restartOf(name: string, context: RestartContext): Promise<DecidedJob> {
  const { group, source, epoch, store, policy, now } = context
  const capture = await store.readCapture(group, source.name)
  const noted = capture?.jobs.find((job) => job.name === name)
  const state = await stateAt(source, name, context.signal)
  const stays = (decision: DecidedJob['decision'], reason: string): DecidedJob => ({
    ...{ job: name, state: state ?? 'NotFound', decision, reason, newName: null, checkpoint: null },
    ...{ body: noted?.body ?? {}, home: noted?.home ?? null, resubmittedAs: null },
    at: now().toISOString(),
  })
  if (state === undefined) return stays('finished', `It is not at ${source.name} any more.`)
  if (isOpen(state)) return stays('leave', `It goes on at ${source.name}.`)
  if (state !== 'Canceled') return stays('finished', `It was ${state} before it could be stopped.`)
  if (noted === undefined) return stays('manual', 'Nobody has noted what it was.')
  const atHome: CapturedJob = { ...noted, ...overThere(noted) }
  const number = 1 + (await restartsOf(originOf(atHome), context))
  const nameOf = (origin: string) => `${successorName(origin, epoch)}-r${number}`
  return decided(atHome, await resumptionOf(atHome, context.standing), {
    ...{ epoch, policy, now, nameOf },
  })
}

/** A job may be stopped, and started again, by several moves of one epoch: each has its own name. */
async function restartsOf(
  origin: string,
  { group, source, epoch, store }: RestartContext,
): Promise<number> {
  const moves = await store.decisionsFrom(group, source.name)
  return moves
    .filter((move) => move.restart === true && move.epoch === epoch)
    .flatMap(({ jobs }) => jobs)
    .filter((job) => job.newName !== null && originOf({ name: job.job, body: job.body }) === origin)
    .length
}
