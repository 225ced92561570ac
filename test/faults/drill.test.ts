import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient } from '../../src/api/client.ts'
import type { GroupStatus } from '../../src/api/contract.ts'
import { RestClient } from '../../src/cli/demo/rest-client.ts'
import { findDrillObjects, namesOf } from '../../src/runbooks/steps/drill/drill-objects.ts'
import {
  createProtectedPair,
  type ProtectedPair,
  type RegionPair,
  startRegionPair,
} from './protected-pair.ts'

/** A drill while passes go on: protection does not suffer, and nothing stays behind. */
describe('drill beside replication, on real regions', () => {
  let folder: string
  let pair: RegionPair
  let group: ProtectedPair
  const hookSecret = 'planted-hook-secret-4711'
  const told: { event: string; key: string; incident: string }[] = []
  const hook = createServer((request, response) => {
    request.setEncoding('utf8').on('data', (text) => told.push(JSON.parse(text)))
    request.on('end', () => response.end())
  })

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-drill-'))
    await new Promise<void>((done) => hook.listen(0, '127.0.0.1', done))
    process.env.HOLDFAST_TEST_HOOK = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/${hookSecret}`
    pair = await startRegionPair(folder)
    group = await createProtectedPair(pair, 'drilled')
    appendFileSync(group.planFile, 'notify: [{ webhook: { env: HOLDFAST_TEST_HOOK } }]\n')
    await pair.processes.start('controller', [
      ...['controller', '--plan', group.planFile, '--state', group.stateDir],
      ...['--listen', '127.0.0.1:0', '--sync-every', '1s', '--probe-every', '1s'],
      ...['--exit-with-parent', '--json'],
    ])
    expect((await holdfast('sync')).code).toBe(0)
  }, 180_000)

  afterAll(async () => {
    hook.close()
    delete process.env.HOLDFAST_TEST_HOOK
    await group?.stopGateway()
    await pair?.processes.stopAll()
    rmSync(folder, { recursive: true, force: true })
  })

  const holdfast = (command: string, ...more: string[]) =>
    pair.processes.run([
      ...[command, '--json', '--plan', group.planFile, '--state', group.stateDir],
      ...more,
    ])

  const statusNow = async (): Promise<GroupStatus> => {
    const note = JSON.parse(readFileSync(join(group.stateDir, 'controller.json'), 'utf8'))
    const [found] = (await createClient({ url: note.url, token: note.token }).status()).groups
    if (found === undefined) throw new Error('no group')
    return found
  }

  it('looks again by itself whether a failover would work, once everything is proven', async () => {
    // The first look comes before the first pass; half an hour of `not-ready` would be a lie.
    await expect
      .poll(async () => (await statusNow()).readiness?.verdict, { timeout: 60_000 })
      .toBe('ready')
  }, 90_000)

  it('measures, keeps the lag, and leaves nothing', async () => {
    const before = await statusNow()
    const lags: number[] = []
    let over = false
    const drilled = holdfast('drill', '--yes').finally(() => {
      over = true
    })
    while (!over) {
      const { lagMs, operation } = await statusNow()
      if (operation?.type === 'drill') lags.push(lagMs ?? Number.POSITIVE_INFINITY)
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    const { code, stdout, stderr } = await drilled
    const after = await statusNow()
    const { operation, report } = JSON.parse(stdout)
    expect([code, operation.outcome], stderr + stdout).toEqual([0, 'complete'])
    const { drill, endpoints, recovery } = JSON.parse(readFileSync(report.json, 'utf8'))
    expect(endpoints).toMatchObject([{ answers: true }])
    expect(drill.jobs).toMatchObject([
      { job: 'train', started: true, checkpoint: 'checkpoints/train/step-10.json' },
    ])
    expect(drill.sample).toMatchObject({ different: [] })
    expect(drill.sample.equal).toBeGreaterThan(10)
    expect(after.drill).toMatchObject({ lastOutcome: 'complete', overdue: false })
    expect(after.drill.rtaMs).toBe(recovery.rtaMs)
    // A fast drill ends between two passes: only that protection went on is certain, not how often.
    await expect
      .poll(async () => (await statusNow()).replicationPoint, { timeout: 20_000 })
      .not.toBe(before.replicationPoint)
    expect(lags.length).toBeGreaterThan(0)
    expect(Math.max(...lags)).toBeLessThan(before.objectives.rpoMs)
    expect(after).toMatchObject({
      protection: before.protection,
      effectivePrimary: 'east',
      epoch: 1,
    })
    console.log(
      `drill: RTA ${recovery.rtaMs} ms, RPA ${recovery.rpaMs} ms; lag before ${before.lagMs} ms, during at most ${Math.max(...lags)} ms, after ${after.lagMs} ms; ${drill.removed.length} objects removed`,
    )
    for (const open of [group.openEast, group.openWest]) {
      const workspace = await open()
      expect(namesOf(await findDrillObjects(workspace, AbortSignal.timeout(20_000)))).toEqual([])
      await workspace.close()
    }
    const pointer = JSON.parse(readFileSync(join(group.stateDir, 'gateway-scoring.json'), 'utf8'))
    expect(Object.keys(pointer.members.west.endpoints)).toEqual(['fraud-scoring'])
  }, 300_000)

  it('leaves evidence that is checked without the controller', async () => {
    const reports = join(group.stateDir, 'reports')
    const [json = ''] = readdirSync(reports).filter((name) => name.endsWith('.json'))
    const verify = () =>
      pair.processes.run([
        ...['report', 'verify', join(reports, json), '--json'],
        ...['--state', group.stateDir],
      ])
    const whole = await verify()
    const { holds, signed } = JSON.parse(whole.stdout)
    expect([whole.code, holds], whole.stderr).toEqual([0, true])
    expect(signed.environment.database).toMatch(/^PostgreSQL \d+/)
    const { people } = JSON.parse(readFileSync(join(reports, json), 'utf8'))
    expect(people).toMatchObject([{ what: 'asked' }])
    const page = join(reports, json.replace(/json$/, 'html'))
    writeFileSync(page, readFileSync(page, 'utf8').replace('complete', 'Complete'))
    const changed = await verify()
    expect([changed.code, JSON.parse(changed.stdout).html]).toEqual([8, 'changed'])
    const history = JSON.parse((await holdfast('history', '--type', 'drill')).stdout)
    expect(history.items).toMatchObject([
      { outcome: 'complete', epoch: 1, rtoMs: 900_000, file: join(reports, json) },
    ])
    expect(history.items[0].rtaMs).toBeGreaterThan(0)
    const place = ['--plan', group.planFile, '--state', group.stateDir, '--json']
    const audit = await pair.processes.run(['audit', 'verify', ...place])
    expect(audit.code, audit.stderr + audit.stdout).toBe(0)
    // The head of this moment, the one in the state directory, and the one in the report.
    expect(JSON.parse(audit.stdout)).toMatchObject({ broken: null, headsChecked: 3 })
    const log = JSON.parse((await pair.processes.run(['audit', ...place])).stdout)
    const actions = log.items.map((entry: { action: string }) => entry.action)
    expect(actions).toEqual(
      expect.arrayContaining([
        ...['plan.changed', 'epoch.established', 'request.sync', 'request.drill'],
        ...['operation.accepted', 'operation.finished', 'report.signed'],
      ]),
    )
  }, 60_000)

  it('tells people, once, and says nowhere where (I9)', async () => {
    const events = () => told.map(({ event }) => event)
    await expect.poll(events, { timeout: 20_000 }).toContain('operation-ended')
    expect(events()).toContain('operation-started')
    expect(new Set(told.map(({ key }) => key)).size).toBe(told.length)
    const place = ['--plan', group.planFile, '--state', group.stateDir, '--json']
    const tried = await pair.processes.run(['notify', 'test', ...place])
    expect([tried.code, JSON.parse(tried.stdout).items], tried.stderr).toEqual([
      0,
      [{ channel: 'webhook', taken: true, error: null }],
    ])
    expect(events()).toContain('test')
    const log = await pair.processes.run(['audit', ...place])
    for (const text of [log.stdout, JSON.stringify(await statusNow()), tried.stdout])
      expect(text).not.toContain(hookSecret)
  }, 60_000)

  it('is ready for a failover, until the secondary has too few cores for it', async () => {
    const ready = await holdfast('assess')
    expect([ready.code, JSON.parse(ready.stdout).findings], ready.stderr).toEqual([0, []])
    const client = await RestClient.open(pair.west)
    const subscription = group.workspaces.west.split('/').slice(0, 3).join('/')
    const location = `${subscription}/providers/Microsoft.MachineLearningServices/locations/westus`
    await client.json(`${location}/updateQuotas?api-version=2025-12-01`, {
      method: 'POST',
      body: {
        value: [{ id: `${location}/quotas/standardDSv2Family`, limit: 1, unit: 'Count' }],
      },
    })
    await client.close()
    const { code, stdout } = await holdfast('assess')
    const { verdict, findings } = JSON.parse(stdout)
    expect([code, verdict]).toEqual([4, 'not-ready'])
    expect(findings).toMatchObject([{ rule: 'quota', level: 'not-ready' }])
    expect(findings[0].evidence[0]).toContain('online-deployment/fraud-scoring/')
    expect((await statusNow()).readiness).toMatchObject({ verdict: 'not-ready' })
  }, 120_000)
})
