import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allItems, type PageQuery } from '../../src/api/all-items.ts'
import { createClient } from '../../src/api/client.ts'
import type { GroupStatus } from '../../src/api/contract.ts'
import { Processes } from '../../src/cli/demo/processes.ts'
import {
  createProtectedPair,
  entry,
  type ProtectedPair,
  type RegionPair,
  startRegionPair,
} from './protected-pair.ts'

/** D9: one vantage point is not enough, two of three are, and then nothing more without a human. */
describe('an automatic failover, on real regions', () => {
  let folder: string
  let pair: RegionPair
  let group: ProtectedPair
  let agents: Processes

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-auto-'))
    pair = await startRegionPair(folder)
    group = await createProtectedPair(pair, 'auto')
    const plan = readFileSync(group.planFile, 'utf8').replace(
      /^decide: .*$/m,
      'decide: { automatic: true, grace: 1s, cooldown: 1h, vantagePoints: [north, south] }',
    )
    writeFileSync(group.planFile, plan)
    const { code } = await pair.processes.run(['sync', ...where()])
    expect(code).toBe(0)
    await pair.processes.start('controller', [
      ...['controller', ...where(), '--json', '--listen', '127.0.0.1:0'],
      ...['--sync-every', '1h', '--probe-every', '200ms', '--exit-with-parent'],
    ])
    const { url, token } = note()
    agents = new Processes({
      ...{ folder, logs: folder, entry },
      env: { ...process.env, HOLDFAST_TOKEN: token },
    })
    const startAgent = (name: string) =>
      agents.start(name, [
        ...['probe', '--plan', group.planFile, '--name', name, '--server', url],
        ...['--probe-every', '200ms', '--json', '--exit-with-parent'],
      ])
    startSecondPoint = () => startAgent('north')
    await pair.processes.cutPower('east')
  }, 120_000)

  afterAll(async () => {
    await agents?.stopAll()
    await group?.stopGateway()
    await pair?.processes.stopAll()
    rmSync(folder, { recursive: true, force: true })
  })

  let startSecondPoint: () => Promise<unknown>
  const where = () => ['--plan', group.planFile, '--state', group.stateDir]
  const note = () =>
    JSON.parse(readFileSync(join(group.stateDir, 'controller.json'), 'utf8')) as {
      url: string
      token: string
    }
  const client = () => createClient(note())
  const status = async (): Promise<GroupStatus> => {
    const [found] = (await client().status()).groups
    if (found === undefined) throw new Error('the controller has no group')
    return found
  }
  const until = async (holds: (found: GroupStatus) => boolean): Promise<GroupStatus> => {
    for (let attempt = 0; attempt < 600; attempt += 1) {
      const found = await status()
      if (holds(found)) return found
      await delay(100)
    }
    throw new Error(`it did not come to that: ${JSON.stringify((await status()).decision)}`)
  }

  it('does nothing while the controller alone sees the outage', async () => {
    const seen = await until(({ verdict }) => verdict?.recommendation === 'failover')
    expect(seen.decision.action).not.toBe('failover')
    // Longer than the grace.
    await delay(3000)
    expect(await status()).toMatchObject({
      epoch: 1,
      effectivePrimary: 'east',
      decision: { rule: 'no-outage' },
    })
  }, 90_000)

  it('fails over when two of three have seen it for the time of grace', async () => {
    await startSecondPoint()
    const after = await until(({ epoch, operation }) => epoch === 2 && operation?.outcome !== null)
    expect(after.effectivePrimary).toBe('west')
    expect(after.operation).toMatchObject({ type: 'failover', outcome: 'complete' })
    expect(after.decision.unacknowledgedSince).not.toBeNull()
    const rules = (await client().decisions('auto')).items.map(
      ({ action, rule }) => `${action} ${rule}`,
    )
    expect(rules).toContain('failover automatic')
    expect(rules.filter((each) => each === 'failover automatic')).toHaveLength(1)
  }, 120_000)

  it('keeps who paused it and why, and what a human acknowledged', async () => {
    await client().acknowledge('auto')
    await client().pause('auto', 'maintenance of the network')
    expect((await status()).decision).toMatchObject({
      pausedFor: 'maintenance of the network',
      unacknowledgedSince: null,
    })
    await client().resume('auto')
    const one = (place: PageQuery) => client().decisions('auto', { ...place, limit: 1 })
    const noted = await allItems(one)
    expect(noted).toEqual((await client().decisions('auto')).items)
    const actions = noted.map(({ action }) => action)
    expect(actions.slice(0, 3)).toEqual(['resume', 'pause', 'acknowledge'])
  }, 60_000)
})
