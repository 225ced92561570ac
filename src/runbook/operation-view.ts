import type { Operation, StepState } from '../api/contract.ts'
import { type Expectations, estimatedEnd, expectationOf } from './estimate.ts'
import type { Run } from './journal.ts'
import {
  canAbort,
  canSkip,
  isEnded,
  type RunError,
  type RunState,
  type StepRecord,
} from './run-state.ts'
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
    readonly known: Expectations
    readonly now: Date
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
    endedAt: isEnded(state) ? state.since : null,
    ...(isEnded(state) ? {} : estimateOf(run, more)),
    waitingFor: state.status === 'waiting' ? state.for : null,
    waiting: waitingOf(state),
    abortable: canAbort(state) && state.abort === null,
    steps: state.steps.map((step) => toStepState(step, more)),
    error: 'error' in state ? pickError(state.error) : null,
    report: more.report ?? null,
  }
}

function estimateOf(
  { header, state }: Run,
  { known, now }: { readonly known: Expectations; readonly now: Date },
): Pick<Operation, 'expected' | 'estimatedEndAt'> {
  return {
    expected: expectationOf(state.steps, known),
    estimatedEndAt: estimatedEnd(state, header.acceptedAt, known, now),
  }
}

function toStepState(
  step: StepRecord,
  more: { readonly progress?: ReadonlyMap<string, StepProgress>; readonly known: Expectations },
): StepState {
  return {
    id: step.id,
    title: step.title,
    // The API has no word for a step that did a part; its sentence and the run's outcome say so.
    status: step.status === 'partial' ? 'done' : step.status,
    startedAt: step.startedAt,
    endedAt: step.endedAt,
    detail: step.detail,
    skippable: canSkip(step) && step.skip === undefined,
    ...(step.endedAt === null && { expectedMs: more.known.get(step.id)?.ms ?? null }),
    progress: more.progress?.get(step.id) ?? null,
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

function pickError({ code, message, hint, kind }: RunError): Operation['error'] {
  return { code, message, hint, kind }
}
