import fc from 'fast-check'
import Database from 'libsql'
import { describe, expect, it } from 'vitest'
import { openRunStore } from '../run-store.ts'
import { type Comparator, parseFilter, parseOrder, satisfies } from './filter.ts'
import { runConditions, runOrder } from './run-search.ts'

const quoted = (value: string) => `'${value.replaceAll("'", "''")}'`
const text = fc.string({
  unit: fc.constantFrom('a', 'B', 'é', '%', '_', '*', '[', ']', '?', "'", '.', '\\', '😀'),
})
const comparator = fc.constantFrom<Comparator>('=', '!=', 'LIKE', 'ILIKE', 'IS NULL', 'IS NOT NULL')

describe('the filter of a search', () => {
  it('is read as MLflow writes it', () => {
    expect(
      parseFilter(
        `metrics.loss <= 1e-3 and params."model class" = 'it''s' AND tags.\`a b.c\` != "x" AND run_id IN ('1', "2") and status ilike 'f%' and tag.x is not null`,
      ),
    ).toEqual([
      { entity: 'metric', key: 'loss', comparator: '<=', value: 0.001 },
      { entity: 'parameter', key: 'model class', comparator: '=', value: "it's" },
      { entity: 'tag', key: 'a b.c', comparator: '!=', value: 'x' },
      { entity: 'attribute', key: 'run_id', comparator: 'IN', value: ['1', '2'] },
      { entity: 'attribute', key: 'status', comparator: 'ILIKE', value: 'f%' },
      { entity: 'tag', key: 'x', comparator: 'IS NOT NULL', value: undefined },
    ])
    expect(parseFilter('  ')).toEqual([])
    expect(parseOrder('metrics.`a b` DESC')).toEqual({
      entity: 'metric',
      key: 'a b',
      descending: true,
    })
  })

  it('is refused when it cannot be read', () => {
    const bad = [
      'metrics.loss',
      "tags.a = 'x' OR tags.b = 'y'",
      'tags.a = x',
      "spans.a = 'x'",
      "tags.a = 'x",
      'run_id IN ()',
      "a = 'b' AND",
      "tags.a == 'x'",
    ]
    for (const filter of bad)
      expect(() => parseFilter(filter), filter).toThrow(
        expect.objectContaining({ code: 'INVALID_PARAMETER_VALUE' }),
      )
  })

  it('finds in the database what it finds in memory', () => {
    const db = new Database(':memory:')
    const store = openRunStore({ db, clock: () => new Date(0) })
    const actor = { objectId: 'o', displayName: 'd', tenantId: 't' }
    let count = 0
    fc.assert(
      fc.property(fc.option(text), comparator, text, (tag, compare, wanted) => {
        // The database folds only ASCII, so LIKE without case is compared on ASCII alone.
        fc.pre(compare !== 'ILIKE' || !/é/i.test(`${tag}${wanted}`))
        count += 1
        const runId = `r${count}`
        store.upsert('/w', 'e', runId, tag === null ? {} : { tags: { 'a.b': tag } }, actor)
        const filter = `tags.a.b ${compare}${compare.startsWith('IS') ? '' : ` ${quoted(wanted)}`}`
        const where = [...runConditions(filter), ...runConditions(`run_id = '${runId}'`)]
        const found = store.query({ where, order: runOrder([]), limit: 2 }).rows.length
        const [clause] = parseFilter(filter)
        expect(found === 1).toBe(clause !== undefined && satisfies(tag ?? undefined, clause))
      }),
      { numRuns: 500 },
    )
  })
})
