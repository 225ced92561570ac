import { collect } from '../pages.ts'
import type { CallOptions, CompletedStep } from '../workspace.ts'
import type { ArmObjects } from './arm-objects.ts'
import { object, text } from './json-reads.ts'
import type { RunHistory } from './run-history.ts'

/**
 * Lists of jobs leave out the steps of pipelines; run history has them as children of their pipeline's
 * run, and where they wrote stands in the job of each.
 */
export async function completedSteps(
  history: RunHistory,
  objects: ArmObjects,
  pipeline: string,
  options: CallOptions,
): Promise<readonly CompletedStep[]> {
  const children = await collect((page) => history.children(pipeline, page), options)
  const steps: CompletedStep[] = []
  for (const run of children.filter(({ status }) => status === 'Completed')) {
    const name = text(run.runId)
    const job = await objects.get({ kind: 'job', path: [name] }, options)
    const { displayName, outputs } = object(job?.body.properties)
    steps.push({
      job: name,
      displayName: text(displayName) || text(run.displayName),
      endedAt: text(run.endTimeUtc),
      outputs: object(outputs),
    })
  }
  return steps
}
