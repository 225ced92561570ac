import { isHoldfastError } from '../../model/errors.ts'
import type { Workspace, WorkspaceOperation } from '../workspace.ts'
import { interceptWorkspace } from './intercept.ts'

export interface TraceEvent {
  readonly workspace: string
  readonly operation: WorkspaceOperation
  readonly durationMs: number
  /** Undefined: it succeeded. */
  readonly errorCode: string | undefined
}

export interface TraceTotals {
  readonly calls: number
  readonly failures: number
  readonly durationMs: number
}

export interface TracedWorkspace extends Workspace {
  /** Since the start, per operation that was called. */
  totals(): ReadonlyMap<WorkspaceOperation, TraceTotals>
  calls(): number
}

/** Counts and times every operation; arguments stay out of events, they may hold secrets (I9). */
export function traced(
  workspace: Workspace,
  options: { readonly onEvent?: (event: TraceEvent) => void; readonly nowMs?: () => number } = {},
): TracedWorkspace {
  const { onEvent, nowMs = () => performance.now() } = options
  const totals = new Map<WorkspaceOperation, TraceTotals>()
  const record = (operation: WorkspaceOperation, startMs: number, error?: unknown) => {
    const durationMs = nowMs() - startMs
    const before = totals.get(operation) ?? { calls: 0, failures: 0, durationMs: 0 }
    totals.set(operation, {
      calls: before.calls + 1,
      failures: before.failures + (error === undefined ? 0 : 1),
      durationMs: before.durationMs + durationMs,
    })
    onEvent?.({ workspace: workspace.name, operation, durationMs, errorCode: codeOf(error) })
  }
  const intercepted = interceptWorkspace(workspace, async (call, next) => {
    const startMs = nowMs()
    try {
      const result = await next()
      record(call.operation, startMs)
      return result
    } catch (error) {
      record(call.operation, startMs, error)
      throw error
    }
  })
  return {
    ...intercepted,
    totals: () => totals,
    calls: () => [...totals.values()].reduce((sum, one) => sum + one.calls, 0),
  }
}

function codeOf(error: unknown): string | undefined {
  if (error === undefined) return undefined
  return isHoldfastError(error) ? error.code : 'unexpected'
}
