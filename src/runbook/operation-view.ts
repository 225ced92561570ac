import type { Operation, StepState } from '../api/contract.ts'
import type { Run } from './journal.ts'
import { canAbort, canSkip, type RunState, type StepRecord } from './run-state.ts'
import type { StepProgress } from './runbook.ts'

/** A run as the API shows it. */
export function toOperation(
  run: Run,
  more: {
    readonly type: Operation['type']
    readonly epoch: number
    readonly by: string | null
    readonly progress?: ReadonlyMap<string, StepProgress>
    readonly report?: string
  },
): Operation {
  const { header, state } = run
  return {
    id: header.id,
    group: header.group,
    type: more.type,
    status: state.status,
    outcome: outcomeOf(state),
    epoch: more.epoch,
    dryRun: false,
    by: more.by,
    startedAt: header.acceptedAt,
    endedAt: isOver(state) ? state.since : null,
    waitingFor: state.status === 'waiting' ? state.for : null,
    waiting: waitingOf(state),
    abortable: canAbort(state) && state.abort === null,
    steps: state.steps.map((step) => toStepState(step, more.progress?.get(step.id))),
    error: 'error' in state ? pickError(state.error) : null,
    report: more.report ?? null,
  }
}

function toStepState(step: StepRecord, progress: StepProgress | undefined): StepState {
  return {
    id: step.id,
    title: step.title,
    // The API has no word for a step that did a part; its sentence and the run's outcome say so.
    status: step.status === 'partial' ? 'done' : step.status,
    startedAt: step.startedAt,
    endedAt: step.endedAt,
    detail: step.detail,
    skippable: canSkip(step) && step.skip === undefined,
    progress: progress ?? null,
  }
}

function waitingOf(state: RunState): Operation['waiting'] {
  if (state.status !== 'waiting') return null
  const { step, reason } = state
  const wait = state.steps.find(({ id }) => id === step)?.wait
  if (wait === undefined) return null
  const { rejection: _rejection, approvals, excluded, ...terms } = wait
  const said = approvals.map(({ by, reason: why, at }) => ({ by, reason: why, at }))
  return { step, reason, ...terms, excluded: excluded?.name ?? null, approvals: said }
}

function outcomeOf(state: RunState): Operation['outcome'] {
  if (state.status === 'done') return state.outcome
  return state.status === 'failed' ? 'failed' : null
}

function isOver(state: RunState): boolean {
  return state.status === 'done' || state.status === 'failed' || state.status === 'unknown'
}

function pickError(error: {
  readonly code: string
  readonly message: string
  readonly hint: string | null
}): Operation['error'] {
  return { code: error.code, message: error.message, hint: error.hint }
}
