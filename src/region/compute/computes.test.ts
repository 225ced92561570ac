import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type JobWorkspace, jobWorkspace } from '../testing/job-client.ts'
import { minutes, steeredClock } from '../testing/steered-clock.ts'
import { startTestRegion, type TestRegion } from '../testing/test-region.ts'

const time = steeredClock()
let region: TestRegion
let jobs: JobWorkspace

beforeAll(async () => {
  region = await startTestRegion({ clock: time.clock })
  jobs = await jobWorkspace(region)
})
afterAll(() => region.stop())

async function pass(milliseconds: number): Promise<void> {
  time.advance(milliseconds)
  region.signInAgain()
  await region.region.look()
}
const putCompute = (name: string, computeType: string, properties: object) =>
  jobs.put(`/computes/${name}`, { computeType, properties })
const cluster = (name: string, minNodeCount: number, maxNodeCount: number, vmSize?: string) =>
  putCompute(name, 'AmlCompute', {
    vmSize: vmSize ?? 'Standard_DS3_v2',
    scaleSettings: { minNodeCount, maxNodeCount, nodeIdleTimeBeforeScaleDown: 'PT10M' },
  })
const inner = async (name: string) =>
  (await jobs.properties(`/computes/${name}`)).properties as Record<string, unknown>
const submit = (name: string, compute: string, command: string, instanceCount = 1) =>
  jobs.put(`/jobs/${name}`, {
    jobType: 'Command',
    command,
    computeId: `${jobs.workspace}/computes/${compute}`,
    resources: { instanceCount },
  })
const cancel = async (name: string) => {
  await region.call('POST', `${jobs.workspace}/jobs/${name}/cancel`)
  await jobs.ended(name)
}
const act = (compute: string, action: string) =>
  region.call('POST', `${jobs.workspace}/computes/${compute}/${action}`)
const subscription = '/subscriptions/s/providers/Microsoft.MachineLearningServices/locations/eastus'

/** Limits of the workspace; the subscription's are 100 cores. */
const setQuota = (family: string, limit: number) =>
  region.call('POST', `${subscription}/updateQuotas`, {
    body: { value: [{ id: `${jobs.workspace}/quotas/${family}`, limit, unit: 'Count' }] },
  })

describe('a cluster', () => {
  it('grows for the jobs that need it, up to its limit, and lets idle nodes go', async () => {
    await cluster('small', 0, 1)
    await submit('first', 'small', 'sleep 600')
    await submit('second', 'small', 'echo second')
    await jobs.reaches('first', 'Running')
    expect(await jobs.statusOf('second')).toBe('Queued')
    expect(await inner('small')).toMatchObject({
      currentNodeCount: 1,
      nodeStateCounts: { runningNodeCount: 1, idleNodeCount: 0 },
    })
    const { body } = await act('small', 'listNodes')
    expect(body).toMatchObject({ nodes: [{ nodeState: 'running', runId: 'first' }] })
    await cancel('first')
    expect(await jobs.ended('second')).toBe('Completed')

    await pass(9 * minutes)
    expect(await inner('small')).toMatchObject({ nodeStateCounts: { idleNodeCount: 1 } })
    await pass(1 * minutes)
    expect(await inner('small')).toMatchObject({ currentNodeCount: 0 })
  })

  it('keeps its least nodes, follows its settings, and refuses a job larger than itself', async () => {
    await cluster('kept', 2, 3)
    expect(await inner('kept')).toMatchObject({ currentNodeCount: 2 })
    await pass(20 * minutes)
    expect(await inner('kept')).toMatchObject({ currentNodeCount: 2 })
    await submit('large', 'kept', 'true', 4)
    expect(await jobs.ended('large')).toBe('Failed')
    await cluster('kept', 0, 1)
    expect(await inner('kept')).toMatchObject({ currentNodeCount: 1 })
  })

  it('waits for its quota, and says so', async () => {
    await setQuota('standardFSv2Family', 4)
    await cluster('poor', 0, 4, 'Standard_F4s_v2')
    await submit('pair', 'poor', 'true', 2)
    await jobs.reaches('pair', 'Queued')
    expect(await inner('poor')).toMatchObject({
      errors: [{ error: { code: 'ClusterCoreQuotaReached' } }],
    })
    const refused = await cluster('poorer', 2, 4, 'Standard_F4s_v2')
    expect(refused).toMatchObject({
      status: 400,
      body: { error: { code: 'ClusterCoreQuotaReached' } },
    })
    await setQuota('standardFSv2Family', 8)
    await region.region.look()
    expect(await jobs.ended('pair')).toBe('Completed')
    expect(await inner('poor')).toMatchObject({ errors: null })
    const usages = await region.call('GET', `${subscription}/usages`)
    const { value } = usages.body as { value: { name: { value: string }; currentValue: number }[] }
    expect(value.find((one) => one.name.value === 'standardFSv2Family')?.currentValue).toBe(8)
  })

  it('keeps what it is and hides its passwords', async () => {
    await putCompute('secret', 'AmlCompute', {
      userAccountCredentials: { adminUserName: 'a', adminUserPassword: 'top-secret' },
    })
    const shown = await region.call('GET', `${jobs.workspace}/computes/secret`)
    expect(JSON.stringify(shown.body)).not.toContain('top-secret')
    expect((await putCompute('secret', 'Kubernetes', {})).status).toBe(400)
  })
})

describe('an instance', () => {
  const instance = (name: string, more = {}) =>
    putCompute(name, 'ComputeInstance', { vmSize: 'Standard_D2s_v3', ...more })

  it('starts and stops, and its job waits for it or is lost with it', async () => {
    await instance('mine')
    expect(await inner('mine')).toMatchObject({ state: 'Running' })
    await act('mine', 'stop')
    expect(await inner('mine')).toMatchObject({
      state: 'Stopped',
      lastOperation: { operationName: 'Stop' },
    })
    await submit('patient', 'mine', 'sleep 600')
    await jobs.reaches('patient', 'Queued')
    expect((await act('mine', 'start')).status).toBe(202)
    await jobs.reaches('patient', 'Running')
    await act('mine', 'stop')
    expect(await jobs.ended('patient')).toBe('Failed')
    expect((await jobs.run('patient')).error).toMatchObject({ error: { code: 'NodeLost' } })
  })

  it('stops when it has had nothing to do for as long as it waits', async () => {
    await instance('idle', { idleTimeBeforeShutdown: 'PT30M' })
    await pass(29 * minutes)
    expect(await inner('idle')).toMatchObject({ state: 'Running' })
    await submit('busy', 'idle', 'sleep 600')
    await jobs.reaches('busy', 'Running')
    await pass(31 * minutes)
    expect(await inner('idle')).toMatchObject({ state: 'Running' })
    await cancel('busy')
    await pass(30 * minutes)
    expect(await inner('idle')).toMatchObject({ state: 'Stopped' })
  })

  it('starts and stops by its schedules', async () => {
    const at = (minutesFromNow: number) => {
      const due = new Date(time.clock().getTime() + minutesFromNow * minutes)
      return `${due.getUTCMinutes()} ${due.getUTCHours()} * * *`
    }
    const every = (action: string, expression: string, status = 'Enabled') => ({
      ...{ action, status, triggerType: 'Cron' },
      cron: { expression, timeZone: 'UTC' },
    })
    const computeStartStop = [
      every('Stop', at(10)),
      every('Start', at(20)),
      every('Stop', at(30), 'Disabled'),
    ]
    await instance('planned', { schedules: { computeStartStop } })
    const states: unknown[] = []
    for (let times = 0; times < 4; times += 1) {
      await pass(10 * minutes)
      states.push((await inner('planned')).state)
    }
    expect(states).toEqual(['Stopped', 'Running', 'Running', 'Running'])
    const unreadable = { computeStartStop: [every('Stop', 'at noon')] }
    expect((await instance('unplanned', { schedules: unreadable })).status).toBe(400)
  })

  it('is refused beyond the quota, at its creation and its start', async () => {
    await setQuota('standardESv3Family', 4)
    const vmSize = 'Standard_E4s_v3'
    await instance('one', { vmSize })
    expect((await instance('two', { vmSize })).status).toBe(400)
    await act('one', 'stop')
    expect((await instance('two', { vmSize })).status).toBe(200)
    expect(await act('one', 'start')).toMatchObject({
      status: 400,
      body: { error: { code: 'ClusterCoreQuotaReached' } },
    })
  })

  it('alone can be started and stopped', async () => {
    await putCompute('remote', 'Kubernetes', {})
    expect((await act('remote', 'stop')).status).toBe(400)
  })
})
