import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Database, migrate, openDatabase } from '../store/database.ts'
import { postgresRecords, type Records, recordMigrations } from './records.ts'
import { seedRecords } from './testing/records.ts'
import { createRegions, type Regions, snapshot } from './testing/regions.ts'
import { serveReach, writing } from './testing/remote.ts'
import { captureEast } from './testing/worlds.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-killed-'))
let database: Database
let records: Records
beforeAll(async () => {
  database = await openDatabase({ stateDir: folder })
  await migrate(database, recordMigrations)
  records = postgresRecords(database)
})
afterAll(async () => {
  await database.close()
  rmSync(folder, { recursive: true })
})

interface Kill {
  /** Number of the write to the outside, over all processes, and on which side of its effect. */
  readonly write: number
  readonly when: 'before' | 'after'
}

/** Starts controllers, one after the other, until one of them ends by itself. */
async function runToEnd(
  group: string,
  runbook: string,
  regions: Regions,
  kill?: Kill,
): Promise<{ kills: number; writes: number }> {
  let kills = 0
  let writes = 0
  for (;;) {
    const child = fork(
      join(import.meta.dirname, 'testing/controller-child.ts'),
      [database.url, group, runbook, `${group}-${runbook}`, group],
      { execArgv: ['--import', 'tsx'], serialization: 'advanced', stdio: 'inherit' },
    )
    serveReach(child, regions, (call, when) => {
      if (!writing.has(call.method)) return
      if (when === 'before') writes += 1
      if (kills > 0 || kill === undefined) return
      if (writes - 1 === kill.write && when === kill.when) {
        kills += 1
        child.kill('SIGKILL')
      }
    })
    const [code, signal] = await once(child, 'exit')
    if (signal === 'SIGKILL') continue
    expect(code).toBe(0)
    return { kills, writes }
  }
}

async function scene(group: string): Promise<Regions> {
  const regions = await createRegions()
  await seedRecords(records, group)
  await captureEast(records, regions, group)
  regions.east.disconnect()
  return regions
}

async function outcome(group: string, regions: Regions): Promise<unknown> {
  const plain = async (run: string) => {
    const report = await records.reports.read(run)
    return JSON.parse(
      JSON.stringify({
        ...report,
        timeline: report?.timeline.map(({ id, status }) => [id, status]),
      }).replaceAll(group, 'GROUP'),
    ) as unknown
  }
  return {
    outside: JSON.parse(
      JSON.stringify(await snapshot(regions)).replaceAll(group, 'GROUP'),
    ) as unknown,
    jobs: await records.jobs.rows(group),
    reports: [await plain(`${group}-failover`), await plain(`${group}-reprotect`)],
    protection: (await records.protection.read(group))?.state,
    epochs: (await records.epochs.history(group)).length,
  }
}

describe('a controller that is killed with SIGKILL, on DBOS and PostgreSQL (I2)', () => {
  it('ends in the same world as one that lives', async () => {
    const calm = await scene('calm')
    const failover = await runToEnd('calm', 'failover', calm)
    calm.east.heal()
    await runToEnd('calm', 'reprotect', calm)
    const expected = await outcome('calm', calm)
    expect(expected).toMatchObject({ protection: 'reversed', epochs: 2 })

    const kills: Kill[] = [
      { write: 0, when: 'after' },
      { write: failover.writes - 2, when: 'after' },
    ]
    for (const [number, kill] of kills.entries()) {
      const group = `killed-${number}`
      const regions = await scene(group)
      expect(await runToEnd(group, 'failover', regions, kill)).toMatchObject({ kills: 1 })
      regions.east.heal()
      await runToEnd(
        group,
        'reprotect',
        regions,
        number === 0 ? { write: 1, when: 'after' } : undefined,
      )
      expect(await outcome(group, regions)).toEqual(expected)
      expect(regions.memory.west.startsOf('train-e2')).toBe(1)
    }
  }, 120_000)
})
