import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient } from '../../src/api/client.ts'
import { protect } from './kill-controller.ts'
import { type ProtectedPair, type RegionPair, startRegionPair } from './protected-pair.ts'

describe('a drill that is due, and a controller that may begin it', () => {
  let folder: string
  let pair: RegionPair
  let group: ProtectedPair

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-due-'))
    pair = await startRegionPair(folder)
    group = await protect(pair, 'due')
    const plan = readFileSync(group.planFile, 'utf8')
    const soon = 'drill: { every: 1s, automatic: true, jobs: none }'
    expect(plan).toMatch(/^drill: \{.*\}/m)
    writeFileSync(group.planFile, plan.replace(/^drill: \{.*\}/m, soon))
  }, 300_000)

  afterAll(async () => {
    await group?.stopGateway()
    await pair?.processes.stopAll()
    rmSync(folder, { recursive: true, force: true })
  }, 120_000)

  it('says for all to see what holds it up, and begins by itself when that is gone', async () => {
    const place = ['--plan', group.planFile, '--state', group.stateDir]
    const paused = await pair.processes.run(['pause', ...place, '--reason', 'maintenance'])
    expect(paused.code, paused.stderr).toBe(0)
    const { url } = await pair.processes.start('controller-due', [
      ...['controller', ...place, '--listen', '127.0.0.1:0', '--sync-every', '5s'],
      ...['--probe-every', '1s', '--exit-with-parent', '--json'],
    ])
    const { token } = JSON.parse(readFileSync(join(group.stateDir, 'controller.json'), 'utf8'))
    const api = createClient({ url: String(url), token })
    const status = async () => (await api.status()).groups[0]
    await expect
      .poll(async () => (await status())?.findings, { timeout: 120_000, interval: 500 })
      .toContainEqual(expect.objectContaining({ rule: 'drill-held-up' }))
    expect((await pair.processes.run(['status', ...place])).stdout).toContain('paused: maintenance')
    await api.resume('due')
    const drills = async () => (await api.history('due', { type: 'drill' })).items
    await expect
      .poll(drills, { timeout: 240_000, interval: 500 })
      .toContainEqual(expect.objectContaining({ by: 'controller', status: 'done' }))
    expect((await status())?.findings).not.toContainEqual(
      expect.objectContaining({ rule: 'drill-held-up' }),
    )
  }, 400_000)
})
