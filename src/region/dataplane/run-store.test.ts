import fc from 'fast-check'
import Database from 'libsql'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Caller } from '../context.ts'
import { instantText, microsOf } from './instant.ts'
import { parseRunFilter, parseRunOrder } from './run-filter.ts'
import { openRunStore, type RunTables } from './run-store.ts'

const ws =
  '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w'
const actor: Caller = { objectId: 'o', displayName: 'tester', tenantId: 't' }
let db: Database.Database
let store: RunTables
let now: number
beforeEach(() => {
  db = new Database(':memory:')
  now = Date.parse('2026-03-01T10:00:00Z')
  store = openRunStore({ db, clock: () => new Date(now) })
})
const put = (runId: string, run: Record<string, unknown> = {}, experiment = 'exp') =>
  store.upsert(ws, experiment, runId, run, actor)
const codeOf = (work: () => unknown) => {
  try {
    work()
  } catch (error) {
    return (error as { code?: string }).code
  }
  return 'none'
}
const idsOf = (filter: string, orderBy = 'createdUtc') =>
  store
    .query({
      where: [{ sql: 'ws = ?', params: [store.clock.numberOf(ws)] }, parseRunFilter(filter)],
      order: parseRunOrder(orderBy),
      limit: 1000,
    })
    .rows.map((row) => row.runId)

describe('runs', () => {
  it('keep unknown fields and the fields of the service', () => {
    const run = put('r1', {
      status: 'Running',
      fromTheFuture: { a: [1, null] },
      displayName: 'one',
    })
    expect(run).toMatchObject({
      runId: 'r1',
      status: 'Running',
      fromTheFuture: { a: [1, null] },
      runNumber: 1,
      rootRunId: 'r1',
      revision: 1,
      dataContainerId: 'dcid.r1',
      createdBy: { userObjectId: 'o', userName: 'tester' },
    })
    expect(store.get(ws.toUpperCase(), 'r1')).toEqual(run)
    expect(put('r2').runNumber).toBe(2)
    expect(put('other', {}, 'second').runNumber).toBe(1)
  })

  it('pass over what only the service may say', () => {
    const run = put('r', { runNumber: 99, revision: 7, createdUtc: '2000-01-01T00:00:00Z' })
    expect(run).toMatchObject({ runNumber: 1, revision: 1 })
    expect(run.createdUtc).toMatch(/^2026-03-01T10:00:00/)
  })

  it('raise revision and lastModifiedUtc with every change, and with nothing else (I2)', () => {
    const first = put('r', { tags: { a: '1' } })
    const same = put('r', { tags: { a: '1' }, description: null })
    expect(same).toEqual(first)
    now -= 60_000
    const changed = put('r', { tags: { b: '2' } })
    expect(changed).toMatchObject({ revision: 2, tags: { a: '1', b: '2' } })
    expect(String(changed.lastModifiedUtc) > String(first.lastModifiedUtc)).toBe(true)
  })

  it('keep properties and parameters for ever', () => {
    put('r', { properties: { a: '1' }, parameters: { lr: '0.1' } })
    put('r', { properties: { a: '1', b: '2' }, parameters: { depth: 3 } })
    expect(codeOf(() => put('r', { parameters: { lr: '0.2' } }))).toBe('UserError')
    expect(codeOf(() => put('r', { properties: { c: '3', a: 'x' }, tags: { t: '1' } }))).toBe(
      'UserError',
    )
    expect(store.get(ws, 'r')).toMatchObject({
      properties: { a: '1', b: '2' },
      parameters: { lr: '0.1', depth: '3' },
      tags: {},
      revision: 2,
    })
  })

  it('find their root, whichever of parent and child comes first', () => {
    put('leaf', { parentRunId: 'middle' })
    put('middle', { parentRunId: 'top' })
    expect(store.get(ws, 'leaf')?.rootRunId).toBe('top')
    const before = store.get(ws, 'leaf')
    const top = put('top', { parentRunId: 'summit' })
    expect(store.get(ws, 'leaf')).toMatchObject({ rootRunId: 'summit', revision: 3 })
    expect(String(store.get(ws, 'leaf')?.lastModifiedUtc) > String(before?.lastModifiedUtc)).toBe(
      true,
    )
    expect(store.get(ws, 'middle')?.parentRunUuid).toBe(top.runUuid)
    expect(codeOf(() => put('summit', { parentRunId: 'leaf' }))).toBe('UserError')
  })

  it('refuse ids that Azure refuses and a second experiment', () => {
    for (const id of ['', 'a.b', 'ü', 'x'.repeat(256)])
      expect(codeOf(() => put(id))).toBe('ValidationError')
    put('r')
    expect(codeOf(() => put('r', { tags: { a: '1' } }, 'other'))).toBe('UserError')
    expect(codeOf(() => put('r', { startTimeUtc: 'soon' }))).toBe('ValidationError')
  })

  it('are found by filter', () => {
    put('a', { status: 'Running', startTimeUtc: '2026-01-01T00:00:00Z', tags: { 'x.y': "it's" } })
    put('b', { status: 'Completed', startTimeUtc: '2026-01-02T00:00:00.5+01:00', parentRunId: 'a' })
    put('c', { status: 'Failed' })
    expect(idsOf("status eq 'Running'")).toEqual(['a'])
    expect(idsOf('Status ne Running and not (status eq Failed)')).toEqual(['b'])
    expect(idsOf("status in ('Failed', 'Completed')")).toEqual(['b', 'c'])
    expect(idsOf('startTimeUtc ge 2026-01-01T23:00:00.5Z')).toEqual(['b'])
    expect(idsOf('startTimeUtc gt 2026-01-01T23:00:00.5Z')).toEqual([])
    expect(idsOf("parentRunId eq 'a' or runId eq 'c'")).toEqual(['b', 'c'])
    expect(idsOf('parentRunId eq null')).toEqual(['a', 'c'])
    expect(idsOf("parentRunId ne 'a'")).toEqual(['a', 'c'])
    expect(idsOf("tags/x.y eq 'it''s'")).toEqual(['a'])
    expect(idsOf('', 'startTimeUtc desc')).toEqual(['b', 'a', 'c'])
    for (const bad of ['status', 'status like x', 'nonsense eq 1', "status eq 'x", 'a eq b)'])
      expect(codeOf(() => idsOf(bad))).toBe('ValidationError')
  })

  it('are paged exactly once each while runs are being modified and added', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 1, max: 7 }),
        fc.array(fc.nat(60), { maxLength: 60 }),
        fc.constantFrom('createdUtc', 'createdUtc desc', 'startTimeUtc desc', 'runType'),
        (count, limit, changes, orderBy) => {
          db = new Database(':memory:')
          store = openRunStore({ db, clock: () => new Date(now) })
          for (let i = 0; i < count; i += 1)
            put(`r${i}`, {
              runType: `t${i % 3}`,
              ...(i % 2 === 0 && { startTimeUtc: `2026-01-01T00:00:0${i % 4}Z` }),
            })
          const number = store.clock.numberOf(ws)
          const order = parseRunOrder(orderBy)
          const seen: string[] = []
          let token: string | undefined
          do {
            const where = [{ sql: 'ws = ?', params: [number] }]
            const page = store.query({ where, order, limit, token })
            seen.push(...page.rows.map((row) => row.runId))
            token = page.token
            for (const change of changes.splice(0, 3))
              if (change < count) put(`r${change}`, { description: `changed ${seen.length}` })
              else put(`late${change}`, { runType: 'zz' })
          } while (token !== undefined)
          const early = seen.filter((id) => !id.startsWith('late'))
          expect(new Set(seen).size).toBe(seen.length)
          expect(early.length).toBe(count)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('a reader who follows lastModifiedUtc misses no change', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ run: fc.nat(9), wait: fc.nat(2), read: fc.boolean() }), {
          maxLength: 60,
        }),
        (events) => {
          db = new Database(':memory:')
          store = openRunStore({ db, clock: () => new Date(now) })
          const copy = new Map<string, unknown>()
          let cursor = '1970-01-01T00:00:00Z'
          const read = () => {
            const where = [parseRunFilter(`lastModifiedUtc gt ${cursor}`)]
            const order = parseRunOrder('lastModifiedUtc asc')
            for (const row of store.query({ where, order, limit: 100 }).rows) {
              copy.set(row.runId, store.present(row))
              cursor = instantText(row.modified)
            }
          }
          for (const [i, event] of events.entries()) {
            now += event.wait
            put(`r${event.run}`, { tags: { i: String(i) } })
            if (event.read) read()
          }
          read()
          for (const [runId, run] of copy) expect(run).toEqual(store.get(ws, runId))
          expect(copy.size).toBe(new Set(events.map((event) => event.run)).size)
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('instants', () => {
  it('sort as texts as they do in time', () => {
    const micros = fc.integer({ min: 0, max: 4_000_000_000_000_000 })
    fc.assert(
      fc.property(micros, micros, (a, b) => {
        expect(microsOf(instantText(a))).toBe(a)
        expect(instantText(a) < instantText(b)).toBe(a < b)
      }),
    )
  })
  it('are refused when they are none', () => {
    for (const text of ['', 'now', '2026-13-01T00:00:00Z', '2026-01-01T25:00:00Z', '20260101'])
      expect(microsOf(text)).toBeUndefined()
  })
})
