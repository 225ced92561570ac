import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { failOverWithKills, type KillRound, protect } from './kill-controller.ts'
import { type ProtectedPair, type RegionPair, startRegionPair } from './protected-pair.ts'

/** `npm run test:kills` does many rounds at random instants; these are three fixed ones. */
describe('a failover whose controller is killed, on real regions', () => {
  let folder: string
  let pair: RegionPair
  const groups: ProtectedPair[] = []
  let undisturbed: KillRound

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-kill-'))
    pair = await startRegionPair(folder)
    for (const name of ['calm', 'early', 'twice']) groups.push(await protect(pair, name))
    await pair.processes.cutPower('east')
    undisturbed = await failOverWithKills(group('calm'), [], undefined)
  }, 180_000)

  afterAll(async () => {
    await pair?.processes.stopAll()
    rmSync(folder, { recursive: true, force: true })
  })

  const group = (name: string): ProtectedPair => {
    const found = groups.find((each) => each.name === name)
    if (found === undefined) throw new Error(`no group ${name}`)
    return found
  }

  it('completes, carries the job over and makes what was cold', () => {
    expect(undisturbed.operation).toMatchObject({ outcome: 'complete', error: null })
    expect(undisturbed.world.successorStarts).toEqual(['train-e2'])
    for (const cold of ['model/cold-model/1', 'online-deployment/fraud-scoring/blue']) {
      expect(undisturbed.world.objects.filter((each) => each.startsWith(cold))).toHaveLength(1)
    }
  })

  it('ends in the same world after a kill right after it was asked for (I2, I6)', async () => {
    const round = await failOverWithKills(group('early'), [15], undisturbed.world)
    expect(round.differences).toEqual([])
    expect(round.operation.outcome).toBe('complete')
  }, 120_000)

  it('ends in the same world after two kills in the middle (I2, I6)', async () => {
    const round = await failOverWithKills(group('twice'), [150, 400], undisturbed.world)
    expect(round.differences).toEqual([])
    expect(round.operation.outcome).toBe('complete')
  }, 120_000)
})
