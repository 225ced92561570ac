import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { killRounds } from './durability/rounds.ts'

let dataDir: string
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

/** The short form of `npm run test:durability`. */
it('keeps every acknowledged write through SIGKILL, and shows nothing half-written', async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'holdfast-durable-'))
  const places = [0.9, 0.4]
  const outcome = await killRounds({
    ...{ dataDir, rounds: places.length, writes: 400, writers: 8 },
    random: () => places.pop() ?? 0,
    note: () => undefined,
  })
  expect(outcome.broken).toEqual([])
  expect(outcome.kills).toBe(2)
  expect(outcome.acknowledged).toBeGreaterThanOrEqual(361 + 161)
}, 120_000)
