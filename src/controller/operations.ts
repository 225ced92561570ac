import type { Operation, OperationType } from '../api/contract.ts'
import { type Expectations, expectationOf } from '../runbook/estimate.ts'
import type { Run } from '../runbook/journal.ts'
import { toOperation } from '../runbook/operation-view.ts'
import type { StepProgress } from '../runbook/runbook.ts'
import type { PreviewStep, StartRun } from '../runbook/runner.ts'
import type { ProcedureInput } from './procedures.ts'

/** A run as the API shows it. */
export function operationOf(
  run: Run,
  seen: {
    readonly progress?: ReadonlyMap<string, StepProgress> | undefined
    readonly known: Expectations
    readonly now: Date
  },
): Operation {
  const { id, runbook, input } = run.header
  const reported = run.state.steps.some(
    (step) => step.id === 'write-report' && step.status === 'done',
  )
  return toOperation(run, {
    // Only these runbooks are bound; the name of each is the type of its operation.
    type: runbook as OperationType,
    epoch: (input as ProcedureInput).epoch,
    by: (input as ProcedureInput).by ?? null,
    ...{ known: seen.known, now: seen.now },
    ...(seen.progress === undefined ? {} : { progress: seen.progress }),
    ...(reported ? { report: `operations/${id}/report` } : {}),
  })
}

/** What a run would do, as an operation that nobody started. */
export function previewOf(
  run: StartRun,
  steps: readonly PreviewStep[],
  known: Expectations,
  at: string,
): Operation {
  return {
    id: `${run.id}-dry-run`,
    group: run.group,
    type: run.runbook as OperationType,
    status: 'done',
    outcome: 'complete',
    epoch: (run.input as ProcedureInput).epoch,
    dryRun: true,
    by: (run.input as ProcedureInput).by ?? null,
    startedAt: at,
    endedAt: at,
    expected: expectationOf(
      steps.filter(({ done }) => !done),
      known,
    ),
    waitingFor: null,
    steps: steps.map(({ id, title, done, detail }) => ({
      id,
      title,
      status: done ? 'done' : 'pending',
      startedAt: null,
      endedAt: null,
      detail,
      expectedMs: known.get(id)?.ms ?? null,
      progress: null,
    })),
    error: null,
    report: null,
  }
}
