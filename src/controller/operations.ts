import type { Operation, OperationType } from '../api/contract.ts'
import type { Run } from '../runbook/journal.ts'
import { toOperation } from '../runbook/operation-view.ts'
import type { StepProgress } from '../runbook/runbook.ts'
import type { PreviewStep, StartRun } from '../runbook/runner.ts'
import type { ProcedureInput } from './procedures.ts'

/** A run as the API shows it. */
export function operationOf(
  run: Run,
  progress: ReadonlyMap<string, StepProgress> | undefined,
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
    ...(progress === undefined ? {} : { progress }),
    ...(reported ? { report: `operations/${id}/report` } : {}),
  })
}

/** What a run would do, as an operation that nobody started. */
export function previewOf(run: StartRun, steps: readonly PreviewStep[], at: string): Operation {
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
    waitingFor: null,
    steps: steps.map(({ id, title, done, detail }) => ({
      id,
      title,
      status: done ? 'done' : 'pending',
      startedAt: null,
      endedAt: null,
      detail,
      progress: null,
    })),
    error: null,
    report: null,
  }
}
