import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { protect } from './kill-controller.ts'
import { type ProtectedPair, type RegionPair, startRegionPair } from './protected-pair.ts'

/** A background pass leaves a busy region alone; people who move a group wait for it. */
describe('a secondary that refuses every request for being too many, on real regions', () => {
  let folder: string
  let pair: RegionPair
  let group: ProtectedPair

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-busy-'))
    pair = await startRegionPair(folder)
    group = await protect(pair, 'busy')
  }, 180_000)

  afterAll(async () => {
    await group?.stopGateway()
    await pair?.processes.stopAll()
    rmSync(folder, { recursive: true, force: true })
  })

  const holdfast = async (command: string, ...more: string[]) => {
    const { code, stdout, stderr } = await pair.processes.run([
      ...[command, '--json', '--plan', group.planFile, '--state', group.stateDir],
      ...more,
    ])
    expect(code, stderr).toBe(0)
    return JSON.parse(stdout).operation
  }
  const storm = async (region: 'east' | 'west') => {
    const { code, stderr } = await pair.processes.run([
      ...['region', 'fault', 'add', 'throttle', '--data', join(folder, region)],
      ...['--retry-after', '1', '--for', '20s'],
    ])
    expect(code, stderr).toBe(0)
  }
  const complete = { status: 'done', outcome: 'complete' }

  it('is waited for by a drill', async () => {
    await storm('west')
    expect(await holdfast('drill', '--yes')).toMatchObject(complete)
  }, 240_000)

  it('is waited for by a switchover, whichever side it is', async () => {
    await storm('east')
    expect(await holdfast('switchover', '--yes')).toMatchObject(complete)
  }, 240_000)

  it('is waited for by a failover', async () => {
    await storm('east')
    expect(await holdfast('failover', '--yes', '--force')).toMatchObject(complete)
  }, 240_000)
})
