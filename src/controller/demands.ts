import type { ControlRequest } from '../api/control-contract.ts'
import { type Caller, mayAct, type Role } from '../api/roles.ts'
import { HoldfastError } from '../model/errors.ts'
import type { Run } from '../runbook/journal.ts'
import {
  canAbort,
  canBeginAgain,
  canSkip,
  isEnded,
  type RunState,
  type StepRecord,
} from '../runbook/run-state.ts'
import type { StartRun } from '../runbook/runner.ts'
import { stateOfWait, type WaitRecord, whyNotCounted } from '../runbook/wait.ts'
import type { ProcedureInput } from './procedures.ts'
import { againOf } from './start-operation.ts'

/** Deciding whether what a person demands of an operation can be; pure (D7). All throw `operator`. */

type WaitingStep = StepRecord & { readonly wait: WaitRecord }

/** Throws `approval.not-wanted`, `approval.wrong-role`, `approval.not-counted`, `approval.expired`. */
export function refuseAnswer(
  { header, state }: Run,
  request: ControlRequest,
  caller: Caller,
  what: 'approved' | 'rejected',
  now: Date,
): WaitingStep {
  const open = isEnded(state) ? [] : state.steps.filter(isWaiting)
  const step = request.step === undefined ? open[0] : open.find((each) => each.id === request.step)
  if (step === undefined) {
    const which = request.step === undefined ? 'No step' : `Step '${request.step}'`
    const names = open.map(({ id }) => id).join(', ')
    throw refusal('approval.not-wanted', `${which} of ${header.id} waits for an answer.`, {
      hint: names === '' ? `Look at it: holdfast status` : `Waiting: ${names}.`,
    })
  }
  const { wait } = step
  if (!mayAct(caller, header.group, wait.for as Role)) {
    throw refusal('approval.wrong-role', `'${caller.name}' is no ${wait.for} of ${header.group}.`, {
      hint: `Ask somebody who has the role '${wait.for}'.`,
    })
  }
  if (stateOfWait(wait, now.toISOString()) === 'expired') {
    throw refusal('approval.expired', `${step.id} could be answered until ${wait.expiresAt}.`, {
      hint: `Ask again: holdfast retry ${header.id}`,
    })
  }
  const reason = what === 'approved' ? whyNotCounted(wait, caller) : undefined
  if (reason === undefined) return step
  throw refusal('approval.not-counted', reason, {
    hint: `Somebody else with the role '${wait.for}' runs: holdfast approve ${header.id}`,
  })
}

const isWaiting = (step: StepRecord): step is WaitingStep =>
  // `running`: a controller that has just started is about to wait again.
  /^(waiting|running)$/.test(step.status) && step.wait !== undefined && step.wait.rejection === null

/** Throws `step.not-found`, `step.under-way`, `step.over`, `step.not-skippable`, `operation.over`. */
export function refuseSkip({ header, state }: Run, id: string | undefined): StepRecord {
  refuseOver({ header, state })
  const step = state.steps.find((each) => each.id === id)
  if (step === undefined) {
    throw refusal('step.not-found', `${header.id} has no step '${id ?? ''}'.`, {
      hint: `Its steps: ${state.steps.map((each) => each.id).join(', ')}.`,
    })
  }
  if (canSkip(step)) return step
  if (/^(done|partial|skipped|undone)$/.test(step.status)) {
    throw refusal('step.over', `${step.id} is ${step.status} already.`)
  }
  if (step.skippable === true) {
    throw refusal('step.under-way', `${step.id} acts now; what it began would go on unseen.`, {
      hint: 'Wait until it ends or its time is over; then skip it and run `holdfast retry`.',
    })
  }
  const can = state.steps.filter(canSkip).map((each) => each.id)
  throw refusal('step.not-skippable', `${step.id} keeps a promise and cannot be left out.`, {
    hint:
      can.length === 0
        ? 'Mend what it names, then run `holdfast retry`.'
        : `These can: ${can.join(', ')}.`,
  })
}

/** `isPast`: the epoch register says that the run has begun its epoch. */
export function refuseAbort(run: Run, isPast: boolean): void {
  const { header, state } = run
  if (state.abort === null) refuseOver(run)
  const gate = state.steps.find((each) => each.noReturn === true)
  if (gate === undefined) {
    throw refusal('operation.not-abortable', `A ${header.runbook} undoes nothing.`, {
      hint: 'Cancel it: press Ctrl-C where it runs, or POST …/cancel. It ends after its step.',
    })
  }
  if (!isPast && (state.abort !== null || canAbort(state))) return
  throw pastNoReturn(run, gate.id)
}

export function pastNoReturn({ header, state }: Run, gate: string): HoldfastError {
  const finish =
    isEnded(state) && canBeginAgain(state) ? `holdfast retry ${header.id}` : 'let it end'
  return refusal(
    'operation.past-no-return',
    `${header.id} has begun ${gate}: from there on the way back is another move.`,
    { hint: `Finish it (${finish}), then run \`holdfast reprotect\` and \`holdfast failback\`.` },
  )
}

function refuseOver({ header, state }: Run): void {
  if (!isEnded(state) || canBeginAgain(state)) return
  throw refusal('operation.over', `Operation '${header.id}' is over: ${outcomeOf(state)}.`, {
    hint: `See what it did: holdfast report save ${header.id}`,
  })
}

const outcomeOf = (state: RunState): string =>
  state.status === 'done' ? state.outcome : state.status

/** After an hour what a failover decided about open jobs is a memory; it is begun anew then. */
const failoverKeepsMs = 3_600_000
const retryable = new Set(['failover', 'switchover', 'failback', 'reprotect'])

/**
 * The same run once more: what is done is found and left. Throws `operation.not-ended`,
 * `operation.over`, `operation.not-retryable`, `operation.busy`, `operation.superseded`,
 * `epoch.changed`, `operation.grown-old`.
 */
export function againAs(
  run: Run,
  known: {
    /** Of the group, newest first. */
    readonly runs: readonly Run[]
    readonly epoch: number
    readonly begunBy: string | null
    /** It is not over, and nobody who lives performs it. */
    readonly isLeft?: boolean
    readonly now: Date
  },
): StartRun {
  const { header, state } = run
  const { id, runbook } = header
  if (known.isLeft) return againOf(run)
  if (!isEnded(state)) {
    throw refusal(
      'operation.not-ended',
      `${id} is ${state.status}, so there is nothing to retry.`,
      {
        hint: 'Watch it: holdfast status --watch',
      },
    )
  }
  refuseOver(run)
  if (!retryable.has(runbook)) {
    throw refusal('operation.not-retryable', `A ${runbook} is not gone on with.`, {
      hint: `Start a new one: holdfast ${runbook}`,
    })
  }
  refuseOvertaken(run, known)
  const isBegun = known.begunBy === id
  const ageMs = known.now.getTime() - Date.parse(header.acceptedAt)
  if (runbook === 'failover' && !isBegun && state.abort === null && ageMs > failoverKeepsMs) {
    throw refusal('operation.grown-old', `${id} is older than an hour and has moved nothing.`, {
      hint: 'Begin anew: holdfast failover',
    })
  }
  return againOf(run)
}

function refuseOvertaken(
  { header }: Run,
  { runs, epoch, begunBy }: Parameters<typeof againAs>[1],
): void {
  const others = runs.filter((each) => each.header.id !== header.id)
  const open = others.find((each) => !isEnded(each.state) && each.header.runbook !== 'drill')
  if (open !== undefined) {
    throw refusal('operation.busy', `${open.header.runbook} ${open.header.id} is under way.`, {
      hint: 'Watch it with `holdfast status --watch`; cancel it there or wait.',
    })
  }
  const place = runs.findIndex((each) => each.header.id === header.id)
  const newer = runs.slice(0, place).find((each) => retryable.has(each.header.runbook))
  if (newer !== undefined) {
    throw refusal('operation.superseded', `${newer.header.id} came after ${header.id}.`, {
      hint: 'Look at `holdfast status`.',
    })
  }
  if (begunBy === header.id || (header.input as ProcedureInput).epoch === epoch) return
  throw refusal('epoch.changed', `The group is in epoch ${epoch} now.`, {
    hint: 'Look at `holdfast status`, then decide again.',
  })
}

function refusal(
  code: string,
  message: string,
  more: { readonly hint?: string } = {},
): HoldfastError {
  return new HoldfastError(code, message, { kind: 'operator', ...more })
}
