import type { ErrorKind } from '../model/errors.ts'

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
 * `unknown` may begin again: every step looks first, so only what is missing is done.
 */
export type RunState =
  | (Common & { readonly status: 'accepted' })
  | (Common & { readonly status: 'running'; readonly step: string | null })
  | (Common & {
      readonly status: 'waiting'
      readonly step: string
      readonly for: 'operator'
      readonly reason: string
    })
  | (Common & { readonly status: 'paused'; readonly step: string | null; readonly reason: string })
  | (Common & { readonly status: 'done'; readonly outcome: 'complete' | 'partial' | 'cancelled' })
  | (Common & { readonly status: 'failed'; readonly step: string | null; readonly error: RunError })
  /** The last effect may or may not have happened, and looking failed too (I8). */
  | (Common & {
      readonly status: 'unknown'
      readonly step: string | null
      readonly error: RunError
    })

interface Common {
  readonly since: string
  readonly steps: readonly StepRecord[]
  readonly cancelRequested: boolean
  /** How often the run ended without being complete; the next try is number `endings`. */
  readonly endings: number
}

export type RunStatus = RunState['status']

export interface StepRecord {
  readonly id: string
  readonly title: string
  readonly status: 'pending' | 'running' | 'waiting' | 'done' | 'partial' | 'skipped' | 'failed'
  readonly startedAt: string | null
  readonly endedAt: string | null
  readonly detail: string | null
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
  | { readonly type: 'wait-began'; readonly step: string; readonly reason: string }
  | { readonly type: 'answered'; readonly by: string }
  | { readonly type: 'paused'; readonly reason: string }
  | { readonly type: 'cancel-requested'; readonly by: string }
  | { readonly type: 'finished'; readonly outcome: 'complete' | 'partial' | 'cancelled' }
  | { readonly type: 'failed'; readonly error: RunError }
)

export type RunEventType = RunEvent['type']

export function accepted(
  steps: readonly { readonly id: string; readonly title: string }[],
  at: string,
): RunState {
  return {
    status: 'accepted',
    since: at,
    cancelRequested: false,
    endings: 0,
    steps: steps.map(({ id, title }) => ({
      id,
      title,
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
      return state.status === 'running' ? advanceStep(state, event) : state
    case 'wait-began':
      if (state.status !== 'running') return state
      return {
        ...common(state, event.at),
        status: 'waiting',
        step: event.step,
        for: 'operator',
        reason: event.reason,
        steps: withStep(state, event.step, { status: 'waiting', detail: event.reason }),
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
      if (state.status !== 'running') return state
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

type StepEvent = Extract<RunEvent, { readonly step: string }>

function advanceStep(state: RunState & { status: 'running' }, event: StepEvent): RunState {
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
          startedAt: before.startedAt ?? event.at,
          endedAt: null,
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
    case 'step-ended':
      return {
        ...state,
        step: null,
        steps: withStep(state, event.step, {
          status: event.result,
          endedAt: event.at,
          detail: event.detail,
        }),
      }
    default:
      return state
  }
}

function withStep(
  state: RunState,
  id: string | null,
  change: Partial<StepRecord>,
): readonly StepRecord[] {
  return state.steps.map((each) => (each.id === id ? { ...each, ...change } : each))
}

function currentStep(state: RunState): string | null {
  return 'step' in state ? state.step : null
}

function common(state: RunState, at: string): Common {
  return {
    since: at,
    steps: state.steps,
    cancelRequested: state.cancelRequested,
    endings: state.endings,
  }
}
