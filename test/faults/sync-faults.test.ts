import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { randomOf } from '../simulation/random.ts'
import { type RegionPair, startRegionPair } from './protected-pair.ts'
import { disturbSyncs } from './sync-faults.ts'

/** `npm run test:sync-faults` does many rounds of every kind at random instants. */
describe('a sync that is disturbed, between real regions', () => {
  let folder: string
  let pair: RegionPair

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-sync-faults-'))
    pair = await startRegionPair(folder)
  }, 120_000)

  afterAll(async () => {
    await pair?.processes.stopAll()
    rmSync(folder, { recursive: true, force: true })
  }, 60_000)

  it.each(['truncate', 'kill-controller'])(
    'by %s comes to rest with both sides equal, the point never ahead (I2, I4)',
    async (fault) => {
      const [round] = await disturbSyncs(pair, fault, 1, randomOf(7))
      expect(round).toMatchObject({ broken: [] })
    },
    180_000,
  )
})
