import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type JobWorkspace, jobWorkspace } from '../testing/job-client.ts'
import { hours, minutes, steeredClock } from '../testing/steered-clock.ts'
import { startTestRegion, type TestRegion } from '../testing/test-region.ts'

const time = steeredClock()
let region: TestRegion
let jobs: JobWorkspace

beforeAll(async () => {
  region = await startTestRegion({ clock: time.clock })
  // To a minute before noon: certificates of the region begin today, so a fixed day is no choice.
  const dayMs = 24 * hours
  time.advance(dayMs + 12 * hours - minutes - (time.clock().getTime() % dayMs))
  region.signInAgain()
  await region.region.look()
  jobs = await jobWorkspace(region)
})
afterAll(() => region.stop())

async function pass(milliseconds: number): Promise<void> {
  time.advance(milliseconds)
  region.signInAgain()
  await region.region.look()
}
const jobDefinition = { jobType: 'Command', command: 'true' }
const schedule = (name: string, trigger: object, more: object = {}) =>
  jobs.put(`/schedules/${name}`, {
    trigger,
    action: { actionType: 'CreateJob', jobDefinition },
    ...more,
  })
async function fired(name: string): Promise<string[]> {
  const { body } = await region.call('GET', `${jobs.workspace}/jobs`)
  const { value } = body as { value: { name: string }[] }
  return value.flatMap((job) => (job.name.startsWith(`${name}_`) ? [job.name] : []))
}

describe('a schedule', () => {
  it('fires by cron in its time zone, once for each time', async () => {
    // Bogotá, five hours behind UTC all the year.
    const timeZone = 'SA Pacific Standard Time'
    const noon = new Date(time.clock().getTime() + minutes)
    const name = `noon-there_${noon.toISOString().replace(/[-:]/g, '').slice(0, 13)}00Z`
    await schedule('noon-there', { triggerType: 'Cron', expression: '0 7 * * *', timeZone })
    await pass(30_000)
    expect(await fired('noon-there')).toEqual([])
    await pass(1 * minutes)
    await region.region.look()
    expect(await fired('noon-there')).toEqual([name])
    expect(await jobs.ended(name)).toBe('Completed')
    expect((await jobs.properties(`/jobs/${name}`)).properties).toMatchObject({
      'azureml.scheduleName': 'noon-there',
    })
  })

  it('fires by recurrence, from its start to its end', async () => {
    const now = time.clock().getTime()
    await schedule('hourly', {
      triggerType: 'Recurrence',
      frequency: 'Hour',
      interval: 2,
      startTime: new Date(now + 10 * minutes).toISOString(),
      endTime: new Date(now + 5 * hours).toISOString(),
    })
    for (let half = 0; half < 16; half += 1) await pass(30 * minutes)
    expect(await fired('hourly')).toHaveLength(3)
  })

  it('fires for each time that a jump of the clock passes over', async () => {
    await schedule('jumped', { triggerType: 'Recurrence', frequency: 'Hour', interval: 1 })
    await pass(3 * hours)
    expect(await fired('jumped')).toHaveLength(3)
  })

  it('that is disabled neither fires nor is listed', async () => {
    const trigger = { triggerType: 'Recurrence', frequency: 'Minute', interval: 1 }
    await schedule('off', trigger, { isEnabled: false })
    await pass(5 * minutes)
    expect(await fired('off')).toEqual([])
    const listed = async (query: string) => {
      const { body } = await region.call('GET', `${jobs.workspace}/schedules${query}`)
      return (body as { value: { name: string }[] }).value.map((one) => one.name)
    }
    expect(await listed('')).not.toContain('off')
    expect(await listed('?listViewType=DisabledOnly')).toEqual(['off'])
    expect(await listed('?listViewType=All')).toContain('off')
  })

  it('that cannot do what it should leaves a failed run that says why', async () => {
    const due = new Date(Math.ceil((time.clock().getTime() + 1) / minutes) * minutes)
    const monitor = { actionType: 'CreateMonitor', monitorDefinition: { signals: {} } }
    await schedule(
      'watch',
      { triggerType: 'Cron', expression: `${due.getUTCMinutes()} ${due.getUTCHours()} * * *` },
      { action: monitor },
    )
    await pass(1 * minutes)
    const name = `watch_${due.toISOString().replace(/[-:]/g, '').slice(0, 13)}00Z`
    expect(await jobs.run(name)).toMatchObject({
      status: 'Failed',
      error: { error: { code: 'NotImplemented' } },
    })
    expect((await jobs.properties('/schedules/watch')).action).toEqual(monitor)
  })

  it('is refused when its trigger can never be read', async () => {
    for (const trigger of [
      { triggerType: 'Cron', expression: 'every day' },
      { triggerType: 'Cron', expression: '0 7 * * *', timeZone: 'Nowhere' },
      { triggerType: 'Recurrence', frequency: 'Century', interval: 1 },
    ])
      expect((await schedule('bad', trigger)).status).toBe(400)
  })

  it('invokes a batch endpoint', async () => {
    await jobs.put('/components/flow/versions/1', {
      componentSpec: { type: 'pipeline', jobs: { one: { type: 'command', command: 'true' } } },
    })
    await jobs.put('/batchEndpoints/nightly', {})
    await jobs.put('/batchEndpoints/nightly/deployments/flow', {
      deploymentConfiguration: {
        deploymentConfigurationType: 'PipelineComponent',
        componentId: { assetId: `${jobs.workspace}/components/flow/versions/1` },
      },
    })
    const endpointInvocationDefinition = { endpointName: 'nightly', deploymentName: 'flow' }
    await schedule(
      'batch',
      { triggerType: 'Recurrence', frequency: 'Hour', interval: 1 },
      { action: { actionType: 'InvokeBatchEndpoint', endpointInvocationDefinition } },
    )
    await pass(1 * hours)
    const [job = ''] = await fired('batch')
    expect(await jobs.ended(job)).toBe('Completed')
  })
})
