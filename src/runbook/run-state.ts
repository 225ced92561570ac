import type { ErrorKind } from '../model/errors.ts'
import { advanceWait, type WaitEvent, type WaitRecord } from './wait.ts'

/**
 * The life of one run:
 *
 *              begun                  finished
 *   accepted ─────────> running ───────────────────> done
 *                       │ ^ │ ^  failed
 *             wait-began│ │ │ └───────────begun──┐
 *                       v │ └─────────────────> failed | unknown
 *               waiting ──┘ answered
 *                       paused <── paused ── running | waiting ;  paused ── begun ──> running
 *
 * `begun` also arrives in `running`, after a crash. A run that ended `cancelled`, `failed` or
 * `unknown` may begin again: every step looks first, so only what is missing is done. One that is to
 * be aborted undoes its steps when it goes on or begins again; past the point of no return the wish
 * is refused here, so the order of the journal decides between the two.
 */
export type RunState =
  | (Common & { readonly status: 'accepted' })
  | (Common & { readonly status: 'running'; readonly step: string | null })
  | (Common & {
      readonly status: 'waiting'
      readonly step: string
      /** The role that has to answer. */
      readonly for: string
      readonly reason: string
    })
  | (Common & { readonly status: 'paused'; readonly step: string | null; readonly reason: string })
  | (Common & { readonly status: 'done'; readonly outcome: RunOutcome })
  | (Common & { readonly status: 'failed'; readonly step: string | null; readonly error: RunError })
  /** The last effect may or may not have happened, and looking failed too (I8). */
  | (Common & {
      readonly status: 'unknown'
      readonly step: string | null
      readonly error: RunError
    })

/** `aborted`: what had been done was undone; such a run never begins again. */
export type RunOutcome = 'complete' | 'partial' | 'cancelled' | 'aborted'

/** What a person asked for, and why. */
export interface Demand {
  readonly by: string
  readonly reason: string
  readonly at: string
}

interface Common {
  readonly since: string
  readonly steps: readonly StepRecord[]
  readonly cancelRequested: boolean
  readonly abort: Demand | null
  /** How often the run ended without being complete; the next try is number `endings`. */
  readonly endings: number
}

export type RunStatus = RunState['status']

/** What is fixed about a step when its run is accepted. */
export interface StepOutline {
  readonly id: string
  readonly title: string
  /** Once it began there is no way back but another run. */
  readonly noReturn?: boolean
  /** Leaving it out harms nothing that is promised. */
  readonly skippable?: boolean
  /** People act. */
  readonly waits?: boolean
}

export interface StepRecord extends StepOutline {
  readonly status:
    | 'pending'
    | 'running'
    | 'waiting'
    | 'done'
    | 'partial'
    | 'skipped'
    | 'failed'
    | 'undone'
  readonly startedAt: string | null
  readonly endedAt: string | null
  readonly detail: string | null
  /** Somebody wants it left out. */
  readonly skip?: Demand
  /** Of a step that people have to answer. */
  readonly wait?: WaitRecord
}

export interface RunError {
  readonly code: string
  readonly message: string
  readonly kind: ErrorKind
  readonly hint: string | null
}

/** What the journal holds. `at` is ISO 8601 UTC. */
export type RunEvent = { readonly at: string } & (
  | { readonly type: 'begun' }
  | { readonly type: 'step-began'; readonly step: string }
  | { readonly type: 'step-intended'; readonly step: string; readonly detail: string }
  | {
      readonly type: 'step-ended'
      readonly step: string
      readonly result: 'done' | 'partial' | 'skipped'
      readonly detail: string
    }
  | WaitEvent
  | {
      readonly type: 'skip-requested'
      readonly step: string
      readonly by: string
      readonly reason: string
    }
  | { readonly type: 'step-undone'; readonly step: string; readonly detail: string }
  | { readonly type: 'abort-requested'; readonly by: string; readonly reason: string }
  | { readonly type: 'answered'; readonly by: string }
  | { readonly type: 'paused'; readonly reason: string }
  | { readonly type: 'cancel-requested'; readonly by: string }
  | { readonly type: 'finished'; readonly outcome: RunOutcome }
  | { readonly type: 'failed'; readonly error: RunError }
)

export type RunEventType = RunEvent['type']

export function accepted(steps: readonly StepOutline[], at: string): RunState {
  return {
    status: 'accepted',
    since: at,
    cancelRequested: false,
    abort: null,
    endings: 0,
    steps: steps.map((outline) => ({
      ...outline,
      status: 'pending',
      startedAt: null,
      endedAt: null,
      detail: null,
    })),
  }
}

/**
 * Pure and total: an event that makes no sense in a state (late, doubled, of an old process) leaves
 * it as it is, so a journal can always be read.
 */
export function advance(state: RunState, event: RunEvent): RunState {
  switch (event.type) {
    case 'begun':
      return begin(state, event.at)
    case 'step-began':
    case 'step-intended':
    case 'step-ended':
      return advanceStep(state, event)
    case 'wait-began':
      return state.status === 'running' ? beginWait(state, event) : state
    case 'approved':
    case 'rejected':
      return isEnded(state) ? state : answerWait(state, event)
    case 'skip-requested':
      return requestSkip(state, event)
    case 'abort-requested':
      return requestAbort(state, event)
    case 'step-undone':
      if (state.status !== 'running') return state
      return {
        ...state,
        steps: withStep(state, event.step, { status: 'undone', detail: event.detail }),
      }
    case 'answered':
      if (state.status !== 'waiting') return state
      return {
        ...common(state, event.at),
        status: 'running',
        step: state.step,
        steps: withStep(state, state.step, { status: 'running' }),
      }
    case 'paused':
      if (state.status !== 'running' && state.status !== 'waiting') return state
      return {
        ...common(state, event.at),
        status: 'paused',
        step: state.step,
        reason: event.reason,
      }
    case 'cancel-requested':
      return isEnded(state) ? state : { ...state, cancelRequested: true }
    case 'finished':
      // Also of a process that had noted a pause and came to the end before it stopped.
      if (state.status !== 'running' && state.status !== 'paused') return state
      return {
        ...common(state, event.at),
        status: 'done',
        outcome: event.outcome,
        endings: state.endings + (event.outcome === 'cancelled' ? 1 : 0),
      }
    case 'failed':
      if (isEnded(state)) return state
      return {
        ...common(state, event.at),
        status: event.error.kind === 'unknown-outcome' ? 'unknown' : 'failed',
        step: currentStep(state),
        error: event.error,
        endings: state.endings + 1,
        steps: withStep(state, currentStep(state), {
          status: 'failed',
          endedAt: event.at,
          detail: event.error.message,
          wait: undefined,
        }),
      }
    default:
      throw new Error(`no such event: ${JSON.stringify(event satisfies never)}`)
  }
}

export function fold(initial: RunState, events: readonly RunEvent[]): RunState {
  return events.reduce(advance, initial)
}

export function isEnded(state: RunState): boolean {
  return state.status === 'done' || state.status === 'failed' || state.status === 'unknown'
}

/** Ended without everything being done: beginning again does what is missing. */
export function canBeginAgain(state: RunState): boolean {
  return isEnded(state) && !(state.status === 'done' && state.outcome !== 'cancelled')
}

/** Before its point of no return, as far as the journal knows; the epoch register knows better. */
export function canAbort(state: RunState): boolean {
  if (isEnded(state) && !canBeginAgain(state)) return false
  const gate = state.steps.find((each) => each.noReturn === true)
  return gate !== undefined && (gate.status === 'pending' || gate.status === 'failed')
}

/** A step under way cannot be taken back; one that waits for people can. */
export function canSkip(step: StepRecord): boolean {
  return step.skippable === true && /^(pending|waiting|failed)$/.test(step.status)
}

export function skipSentence({ by, reason }: Demand): string {
  return `Skipped by ${by}: ${reason}`
}

function requestAbort(
  state: RunState,
  { by, reason, at }: Extract<RunEvent, { type: 'abort-requested' }>,
): RunState {
  return canAbort(state) ? { ...state, abort: state.abort ?? { by, reason, at } } : state
}

function requestSkip(
  state: RunState,
  { step, by, reason, at }: Extract<RunEvent, { type: 'skip-requested' }>,
): RunState {
  const record = state.steps.find((each) => each.id === step)
  if (record === undefined || !canSkip(record)) return state
  if (isEnded(state) && !canBeginAgain(state)) return state
  return { ...state, steps: withStep(state, step, { skip: { by, reason, at } }) }
}

function beginWait(
  state: RunState & { status: 'running' },
  event: Extract<RunEvent, { type: 'wait-began' }>,
): RunState {
  const before = state.steps.find((each) => each.id === event.step)?.wait
  const wait = advanceWait(before, event)
  return {
    ...common(state, wait?.since ?? event.at),
    status: 'waiting',
    step: event.step,
    for: event.for,
    reason: event.reason,
    steps: withStep(state, event.step, {
      status: 'waiting',
      detail: event.reason,
      ...(wait && { wait }),
    }),
  }
}

function answerWait(
  state: RunState,
  event: Extract<RunEvent, { type: 'approved' | 'rejected' }>,
): RunState {
  const before = state.steps.find((each) => each.id === event.step)?.wait
  const wait = advanceWait(before, event)
  return wait === before || wait === undefined
    ? state
    : { ...state, steps: withStep(state, event.step, { wait }) }
}

function begin(state: RunState, at: string): RunState {
  if (state.status === 'waiting') return state
  if (isEnded(state) && !canBeginAgain(state)) return state
  return {
    ...common(state, at),
    // A cancellation that was asked for survives a crash, not a new beginning.
    cancelRequested: isEnded(state) ? false : state.cancelRequested,
    status: 'running',
    step: currentStep(state),
  }
}

type StepEvent = Extract<RunEvent, { readonly type: 'step-began' | 'step-intended' | 'step-ended' }>

function advanceStep(state: RunState, event: StepEvent): RunState {
  if (state.status === 'waiting') {
    const isItsEnd = event.type === 'step-ended' && event.step === state.step
    if (!isItsEnd) return state
    return advanceStep({ ...common(state, event.at), status: 'running', step: state.step }, event)
  }
  if (state.status !== 'running') return state
  const before = state.steps.find((each) => each.id === event.step)
  if (before === undefined) return state
  switch (event.type) {
    case 'step-began':
      // A step that ended and is only looked at again keeps its times (D8, after a crash).
      if (before.status === 'done') return state
      return {
        ...state,
        step: event.step,
        steps: withStep(state, event.step, {
          status: 'running',
          // What ended otherwise begins anew; the time in between is nobody's work.
          startedAt: before.endedAt === null ? (before.startedAt ?? event.at) : event.at,
          endedAt: null,
        }),
      }
    case 'step-ended':
      return {
        ...state,
        step: null,
        steps: withStep(state, event.step, {
          status: event.result,
          endedAt: before.status === 'done' ? before.endedAt : event.at,
          detail: event.detail,
        }),
      }
    case 'step-intended':
      return {
        ...state,
        step: event.step,
        steps: withStep(state, event.step, {
          status: 'running',
          startedAt: before.startedAt ?? event.at,
          endedAt: null,
          detail: event.detail,
        }),
      }
    default:
      throw new Error(`no such event: ${JSON.stringify(event satisfies never)}`)
  }
}

function withStep(
  state: RunState,
  id: string | null,
  change: { readonly [K in keyof StepRecord]?: StepRecord[K] | undefined },
): readonly StepRecord[] {
  return state.steps.map((each) => (each.id === id ? ({ ...each, ...change } as StepRecord) : each))
}

function currentStep(state: RunState): string | null {
  return 'step' in state ? state.step : null
}

function common(state: RunState, at: string): Common {
  return {
    since: at,
    steps: state.steps,
    cancelRequested: state.cancelRequested,
    abort: state.abort,
    endings: state.endings,
  }
}
