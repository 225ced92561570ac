import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type KindRow, kindRows } from './report.ts'
import { type RoundTrip, roundTrip } from './round-trip.ts'
import { type CorpusRun, runCorpus } from './run-corpus.ts'
import { schemasOf } from './schemas.ts'

const source = join(import.meta.dirname, 'specifications')

describe('specifications of every kind', () => {
  let temporary: string
  let run: CorpusRun
  let rows: readonly KindRow[]
  let trip: RoundTrip

  beforeAll(async () => {
    temporary = mkdtempSync(join(tmpdir(), 'holdfast-corpus-'))
    run = await runCorpus(
      source,
      temporary,
      () => undefined,
      async (primary) => {
        trip = await roundTrip(primary, temporary)
      },
    )
    rows = kindRows(run, await schemasOf(source, run.folder))
  }, 120_000)
  afterAll(() => rmSync(temporary, { recursive: true, force: true }))

  it('are all imported, every key of them', () => {
    const refused = run.imported.failed.map(
      ({ file, error }) => `${relative(run.folder, file)}: ${error.code} ${error.message}`,
    )
    expect(refused).toEqual([])
    expect(run.imported.unsupported).toEqual([])
    expect(run.imported.unknownKeys).toEqual([])
  })

  it('need nothing that is not among them', () => {
    expect(run.completed).toEqual({ renamed: 0, added: 0 })
  })

  it('arrive at the other region in one pass, equal for anybody who looks', () => {
    expect(run.unproven).toEqual([])
    expect(run.pass).toMatchObject({ outcome: 'complete', failed: 0, conflicts: 0 })
    expect(run.comparisons.flatMap(({ differences }) => differences)).toEqual([])
    for (const row of rows) {
      const { specifications, equal, left } = row
      expect({ equal: equal + left }, row.schema).toEqual({ equal: specifications })
      expect(left > 0, row.schema).toBe(row.schema === 'computeInstance')
    }
  })

  it('cover every kind of object', () => {
    for (const { kind, primary } of run.comparisons) expect(primary, kind).toBeGreaterThan(0)
  })

  it('are the same files whenever they are exported', () => {
    expect(trip.exported.failed).toEqual([])
    expect(trip.exported.notCarried).toEqual([])
    expect(trip.unstable).toEqual([])
  })

  it('make of an empty workspace one with the same objects and the same export', () => {
    expect(trip.imported.failed.map(({ error }) => error.message)).toEqual([])
    expect(trip.imported.unknownKeys).toEqual([])
    expect(trip.changed).toEqual([])
    expect(trip.comparisons.flatMap(({ differences }) => differences)).toEqual([])
  })

  it('are exported without a secret (I9)', () => {
    const exported = [...trip.exported.files.values()].map((one) => ('text' in one ? one.text : ''))
    for (const secret of ['bWFkZS1rZXk=', 'sig=made', 'made-secret', 'made-password', 'made-key'])
      expect(exported.filter((text) => text.includes(secret))).toEqual([])
    const names = exported.flatMap((text) => text.match(/HOLDFAST_SECRET_[A-Z0-9_]+/g) ?? [])
    expect(names.sort()).toEqual([
      'HOLDFAST_SECRET_CONNECTION_WAREHOUSE_PASSWORD',
      'HOLDFAST_SECRET_CONNECTION_WORDS_KEY',
      'HOLDFAST_SECRET_DATASTORE_LAKE_CLIENT_SECRET',
      'HOLDFAST_SECRET_DATASTORE_LANDING_ACCOUNT_KEY',
      'HOLDFAST_SECRET_DATASTORE_SHARED_FILES_SAS_TOKEN',
    ])
  })

  it('move with their jobs', () => {
    expect(run.jobsNotMoved).toEqual([])
  })
})
