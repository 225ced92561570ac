import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type JobWorkspace, jobWorkspace } from '../testing/job-client.ts'
import { startTestRegion, type TestRegion } from '../testing/test-region.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-restart-'))
let region: TestRegion
let jobs: JobWorkspace

/** Stops the region, and starts it again on what it left. */
async function restart(): Promise<void> {
  await region.stop()
  region = await startTestRegion({ dataDir })
  jobs = await jobWorkspace(region)
}
beforeAll(async () => {
  region = await startTestRegion({ dataDir })
  jobs = await jobWorkspace(region)
})
afterAll(async () => {
  await region.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

const errorOf = async (job: string) => (await jobs.run(job)).error

describe('a region that starts again', () => {
  it('tells what ran that its node was lost, and runs what had waited', async () => {
    const computeId = `${jobs.workspace}/computes/one`
    await jobs.put('/computes/one', {
      computeType: 'AmlCompute',
      properties: { scaleSettings: { minNodeCount: 0, maxNodeCount: 1 } },
    })
    const command = (text: string) => ({ jobType: 'Command', command: text, computeId })
    await jobs.put('/jobs/running', command('sleep 600'))
    await jobs.reaches('running', 'Running')
    await jobs.put('/jobs/waiting', command('echo later'))
    await jobs.reaches('waiting', 'Queued')
    await jobs.put('/jobs/flow', {
      jobType: 'Pipeline',
      jobs: { step: { type: 'command', command: 'sleep 600', computeId } },
    })
    await jobs.reaches('flow_step', 'Queued')

    await restart()
    expect(await jobs.ended('running')).toBe('Failed')
    expect(await errorOf('running')).toMatchObject({ error: { code: 'NodeLost' } })
    expect(await jobs.ended('waiting')).toBe('Completed')
    // Nobody waits for the step any more: it must not run on its own.
    expect(await jobs.ended('flow')).toBe('Failed')
    expect(await jobs.ended('flow_step')).toBe('Canceled')
    const { properties } = await jobs.properties('/computes/one')
    expect(properties).toMatchObject({ nodeStateCounts: { runningNodeCount: 0 } })
  })

  it('keeps its recycle bin, its quotas and what is stored beside the workspace', async () => {
    const gone = jobs.workspace.replace(/[^/]+$/, 'gone')
    const other = await jobWorkspace(region, 'gone')
    await other.put('/models/m/versions/1', { modelUri: 'azureml://m' })
    await region.call('DELETE', gone)
    const quota = `${jobs.workspace}/quotas/standardFSv2Family`
    const location = '/subscriptions/s/providers/Microsoft.MachineLearningServices/locations/eastus'
    await region.call('POST', `${location}/updateQuotas`, {
      body: { value: [{ id: quota, limit: 2 }] },
    })

    await restart()
    expect((await region.call('PUT', gone, { body: {} })).status).toBe(400)
    const recovery = { properties: { allowRecoverSoftDeletedWorkspace: true } }
    expect((await region.call('PUT', gone, { body: recovery })).status).toBe(202)
    expect((await region.call('GET', `${gone}/models/m/versions/1`)).status).toBe(200)
    const refused = await jobs.put('/computes/large', {
      computeType: 'ComputeInstance',
      properties: { vmSize: 'Standard_F4s_v2' },
    })
    expect(refused.status).toBe(400)
  })
})
