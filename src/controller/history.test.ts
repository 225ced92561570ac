import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Runner } from '../runbook/runner.ts'
import {
  memoryRecords,
  postgresRecords,
  type Records,
  recordMigrations,
} from '../runbooks/records.ts'
import type { Report } from '../runbooks/report.ts'
import { type Database, migrate, openDatabase } from '../store/database.ts'
import { historyOf } from './history.ts'

const stateDir = mkdtempSync(join(tmpdir(), 'holdfast-history-'))
let database: Database
beforeAll(async () => {
  database = await openDatabase({ stateDir })
  await migrate(database, recordMigrations)
}, 60_000)
afterAll(async () => {
  await database.close()
  rmSync(stateDir, { recursive: true, force: true })
})

const day = (n: number) => `2026-01-0${n}T00:00:00.000Z`
const recovery = {
  ...{ detectedAt: null, decidedAt: day(1), rtoMs: 10, rtaMs: 5, rpoMs: 20, rpaMs: null },
  ...{ unknownSince: null, unknownUntil: day(1) },
}

async function fill({ journal, reports, epochs }: Records): Promise<void> {
  for (const [n, type] of ['sync', 'drill', 'failover', 'drill', 'sync'].entries()) {
    const id = `${type}-${n + 1}`
    const input = { epoch: n, by: n === 1 ? 'alice' : undefined }
    const header = { id, runbook: type, group: 'g', steps: [], acceptedAt: day(n + 1) }
    await journal.create({ ...header, input: JSON.parse(JSON.stringify(input)) })
    await journal.append(id, { type: 'begun', at: day(n + 1) })
    await journal.append(id, { type: 'finished', outcome: 'complete', at: day(n + 1) })
  }
  const at = day(3)
  await epochs.establish({ group: 'g', primary: 'east', epoch: 2, at })
  await epochs.begin('g', { from: 'east', to: 'west', expected: 2, by: 'failover-3', at })
  await reports.write({ run: 'drill-2', writtenAt: day(2), recovery } as Report)
  const open = { ...recovery, atLeast: true }
  await reports.write({ run: 'failover-3', writtenAt: day(3), recovery: open } as Report)
}

describe.each([
  ['memory', () => memoryRecords()],
  ['postgres', () => postgresRecords(database)],
] as const)('history in %s', (_name, open) => {
  let records: Records
  beforeAll(async () => {
    records = open()
    await fill(records)
  })
  const page = (filter: Partial<Parameters<typeof historyOf>[1]>) => {
    const runner = { list: records.journal.list } as unknown as Runner
    const parts = { ...records, group: 'g', runner }
    return historyOf(parts, { limit: 50, ...filter })
  }
  const ids = async (filter: Parameters<typeof page>[0]) =>
    (await page(filter)).items.map(({ id }) => id)

  it('tells newest first who, which outcome, what was measured and where the report is', async () => {
    const { items, cursor } = await page({})
    expect(cursor).toBeNull()
    expect(items.map(({ id }) => id)).toEqual([
      ...['sync-5', 'drill-4', 'failover-3', 'drill-2', 'sync-1'],
    ])
    expect(items[3]).toMatchObject({
      ...{ by: 'alice', outcome: 'complete', epoch: 1, rtaMs: 5, rtoMs: 10, rpaMs: null },
      report: 'operations/drill-2/report',
    })
    expect(items.map(({ epoch, began }) => [epoch, began])).toEqual([
      ...[
        [4, null],
        [3, null],
        [2, 3],
        [1, null],
        [0, null],
      ],
    ])
    expect(items[1]).toMatchObject({ by: null, rtoMs: null, report: null, atLeast: false })
    expect(items[3]).toMatchObject({ atLeast: false })
    // A lower bound says so (I8).
    expect(items[2]).toMatchObject({ rtaMs: 5, atLeast: true })
  })

  it('goes on behind a cursor, keeps to a type and to what was accepted since', async () => {
    const first = await page({ limit: 2 })
    expect(first.cursor).toBe('drill-4')
    expect(await ids({ limit: 3, cursor: 'drill-4' })).toEqual(['failover-3', 'drill-2', 'sync-1'])
    expect(await ids({ type: 'drill' })).toEqual(['drill-4', 'drill-2'])
    expect(await ids({ type: 'drill', cursor: 'drill-4' })).toEqual(['drill-2'])
    expect(await ids({ since: day(3) })).toEqual(['sync-5', 'drill-4', 'failover-3'])
  })
})
