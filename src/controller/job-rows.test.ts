import { expect, it } from 'vitest'
import { startOfDetection } from '../detection/detector.ts'
import type { DecidedJob } from '../jobs/captured-job.ts'
import { listJobs } from './job-rows.ts'
import type { ProtectedGroup } from './protected-group.ts'
import { memoryGroup } from './testing/memory-group.ts'

const at = '2026-01-01T00:00:00.000Z'
const noted = (name: string) => ({
  ...{ name, state: 'Running', stateSince: at, capturedAt: at, body: {}, home: null },
  ...{ obstacles: [], checkpoints: null },
})
const decided = (job: string, change: Partial<DecidedJob> = {}): DecidedJob => ({
  ...{ job, state: 'Running', decision: 'manual', reason: 'No checkpoint.', newName: null },
  ...{ checkpoint: null, body: {}, home: null, resubmittedAs: null, at },
  ...change,
})

async function afterFailover() {
  const scene = await memoryGroup()
  const { east, west, group } = scene
  const { jobs, epochs } = group.records
  await epochs.begin('g', { from: 'east', to: 'west', expected: 1, by: 'failover-g-e2', at })
  const submit = (where: typeof east, job: string, status: string) =>
    where
      .submitJob(job, { properties: {} }, { epoch: 2 })
      .then(() => where.setJobStatus(job, status))
  await submit(east, 'alone', 'Running')
  await submit(west, 'train-e2', 'Completed')
  await submit(west, 'new', 'Running')
  await submit(west, 'short', 'Completed')
  await jobs.decideOnce({
    ...{ run: 'failover-g-e2', group: 'g', source: 'east', epoch: 2 },
    jobs: [
      decided('train', { decision: 'resubmit', newName: 'train-e2', resubmittedAs: 'train-e2' }),
      decided('alone'),
    ],
  })
  await jobs.saveCapture({
    ...{ group: 'g', source: 'west', epoch: 2, at },
    jobs: ['new', 'short'].map(noted),
  })
  return scene
}

const jobsOf = async (group: ProtectedGroup) =>
  (await listJobs(group, startOfDetection([], new Date(0)), { limit: 10 })).items

it('says how a job stands where it is now, not how it stood when it was noted (I8)', async () => {
  const { group } = await afterFailover()
  expect(await jobsOf(group)).toMatchObject([
    { job: 'new', decision: 'open', now: { member: 'west', job: 'new', state: 'Running' } },
    { job: 'short', decision: 'finished', now: { member: 'west', state: 'Completed' } },
    {
      job: 'train',
      state: 'Running',
      now: { member: 'west', job: 'train-e2', state: 'Completed' },
    },
    { job: 'alone', now: { member: 'east', job: 'alone', state: 'Running' } },
  ])
})

it('does not know a state while the member does not answer (I8)', async () => {
  const { group, eastAsSeen } = await afterFailover()
  eastAsSeen.disconnect()
  const jobs = await jobsOf(group)
  const states = jobs.map(({ job, now }) => [job, now.state])
  expect(Object.fromEntries(states)).toMatchObject({ train: 'Completed', alone: null })
})
