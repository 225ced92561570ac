import { describe, expect, it } from 'vitest'
import { captureOpenJobs } from '../jobs/capture.ts'
import { memoryJobStore } from '../jobs/job-store.ts'
import { drillExperiment, drillName, drillTag } from '../model/drill.ts'
import { replicate } from './replicate.ts'
import { type Content, fill, scene } from './testing/worlds.ts'

const name = drillName('some-run', 'fraud')
const tags = { [drillTag]: 'some-run' }
const blob = (store: string, path: string): Content => ({
  ...{ is: 'blob', store, name: path, text: 'x', metadata: {} },
})
/** What a drill that nobody cleaned up left at a member that is primary now. */
const leftovers: readonly Content[] = [
  { is: 'object', id: { kind: 'online-endpoint', path: [name] }, body: { tags, properties: {} } },
  blob('workspaceblobstore', `holdfast-drill/${name}/checkpoints/a`),
  blob('workspaceartifactstore', `ExperimentRun/dcid.${name}/user_logs/std_log.txt`),
  {
    is: 'experiment',
    experiment: { name: drillExperiment, archived: false, tags: {} },
  },
  {
    is: 'run',
    run: {
      ...{ runId: name, experimentName: drillExperiment, status: 'Canceled', modifiedAt: '' },
      body: {},
    },
    values: [],
  },
]

describe('what drills left', () => {
  it('is copied in neither direction, and what only looks like it is', async () => {
    const { east, west, context } = scene()
    await fill(east, leftovers)
    const mine = 'drill-0a1b2c-mine'
    await fill(east, [
      { is: 'object', id: { kind: 'online-endpoint', path: [mine] }, body: { properties: {} } },
    ])
    expect(await replicate(context)).toMatchObject({ outcome: 'complete' })
    expect((await west.listObjects('online-endpoint')).items.map(({ id }) => id.path)).toEqual([
      [mine],
    ])
    for (const store of ['workspaceblobstore', 'workspaceartifactstore']) {
      expect((await west.listBlobs(store)).items).toEqual([])
    }
    expect((await west.listExperiments()).items).toEqual([])
    expect((await west.listRuns()).items).toEqual([])
  })
})

describe('a job that a drill started', () => {
  it('is never captured', async () => {
    const { east, west } = scene()
    const options = { epoch: 1 }
    await east.submitJob(name, { properties: { jobType: 'Command', tags } }, options)
    await east.submitJob('train', { properties: { jobType: 'Command' } }, options)
    const { jobs } = await captureOpenJobs({
      ...{
        group: 'g',
        source: east,
        target: west,
        store: memoryJobStore(),
        epoch: 1,
        now: () => new Date(),
      },
      relocate: (_id, body) => ({ body, rewritten: [], unresolved: [] }),
    })
    expect(jobs.map((job) => job.name)).toEqual(['train'])
  })
})

describe('the name of a copy', () => {
  it('is at most 32 characters, valid at its end, and different for different names', () => {
    const long = ['a-very-long-endpoint-name-of-a', 'a-very-long-endpoint-name-of-b']
    const names = long.map((each) => drillName('r', each))
    expect(new Set(names).size).toBe(2)
    for (const each of names) expect(each).toMatch(/^[a-z][a-z0-9-]{1,30}[a-z0-9]$/)
  })
})
