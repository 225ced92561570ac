import { allItems } from '../../api/all-items.ts'
import type { ApiClient } from '../../api/client.ts'
import { HoldfastError } from '../../model/errors.ts'
import { groupName, trackingAt } from './protect.ts'
import type { DemoRegion } from './regions.ts'
import { type Stage, waitFor } from './stage.ts'
import { longJob } from './start-work.ts'
import { jobStatus, waitForJob } from './workspace-calls.ts'

export interface ResumedJob {
  readonly job: string
  readonly runsAs: string
  readonly checkpoint: string | null
  /** Training steps that did not have to be done again. */
  readonly firstStep: number
}

/** Part of chapter 6: the interrupted job runs in the other region and has not begun anew. */
export async function resumedJob(
  stage: Stage,
  west: DemoRegion,
  controller: ApiClient,
): Promise<ResumedJob> {
  const rows = await allItems((place) => controller.jobs(groupName, place))
  const row = rows.find(({ job }) => job === longJob)
  const runsAs = row?.resubmittedAs ?? undefined
  if (row === undefined || runsAs === undefined)
    throw new HoldfastError(
      'demo.job-not-resumed',
      `Job ${longJob} was not submitted again: ${row?.reason ?? 'the controller does not know it'}`,
    )
  const firstStep = await waitFor(
    stage,
    { what: `job ${runsAs} to begin`, timeoutMs: 30_000 },
    () => loggedFirstStep(west, runsAs),
  )
  const status = await jobStatus(west, runsAs)
  stage.screen.good(`job ${longJob} runs again as ${runsAs}, from step ${firstStep}: ${status}`)
  return { job: longJob, runsAs, checkpoint: row.checkpoint, firstStep }
}

/** What the training code itself logged about where it began. */
async function loggedFirstStep(region: DemoRegion, job: string): Promise<number | undefined> {
  const { uri, client } = trackingAt(region)
  const { run } = await client.json<{
    run: { data: { params?: { key: string; value: string }[] } }
  }>(`${uri}/api/2.0/mlflow/runs/get?run_id=${job}`)
  const found = run.data.params?.find(({ key }) => key === 'first_step')
  return found === undefined ? undefined : Number(found.value)
}

/** Part of chapter 8. */
export async function endOfJob(stage: Stage, west: DemoRegion, job: string): Promise<string> {
  const status = await waitForJob(stage, west, job, 120_000)
  if (status !== 'Completed')
    throw new HoldfastError('demo.job-failed', `Job ${job} ended as ${status}.`)
  stage.screen.good(`job ${job}: ${status}`)
  return status
}
