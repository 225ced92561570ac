import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type KindRow, kindRows } from './report.ts'
import { type CorpusRun, runCorpus } from './run-corpus.ts'
import { schemasOf } from './schemas.ts'

const source = join(import.meta.dirname, 'specifications')

describe('specifications of every kind', () => {
  let temporary: string
  let run: CorpusRun
  let rows: readonly KindRow[]

  beforeAll(async () => {
    temporary = mkdtempSync(join(tmpdir(), 'holdfast-corpus-'))
    run = await runCorpus(source, temporary, () => undefined)
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

  it('move with their jobs', () => {
    expect(run.jobsNotMoved).toEqual([])
  })
})
