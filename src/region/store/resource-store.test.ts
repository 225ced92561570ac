import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import type Database from 'libsql'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { listPage } from '../arm/list-view.ts'
import { toAzureError } from '../http/azure-answer.ts'
import { openDatabase } from './database.ts'
import { type ArmStore, openResourceStore } from './resource-store.ts'

const actor = { objectId: 'o', displayName: 'tester', tenantId: 't' }
const workspace =
  '/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/w'
const workspaceType = 'Microsoft.MachineLearningServices/workspaces'
const modelType = `${workspaceType}/models`
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined }

let dir: string
let db: Database.Database
let now: Date
let store: ArmStore

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-store-'))
  db = openDatabase(dir)
  now = new Date('2026-01-01T00:00:00Z')
  store = openResourceStore({ db, clock: () => now })
})
afterEach(() => {
  db.close()
  rmSync(dir, { recursive: true, force: true })
})

const put = (id: string, type: string, body: Record<string, unknown> = {}) =>
  store.put(id, type, { body }, actor)

describe('resource store', () => {
  it('finds a resource in any case and returns the case of its creation', () => {
    put(workspace, workspaceType)
    const child = put(`${workspace.toUpperCase()}/models/MyModel`, modelType)
    expect(child.id).toBe(`${workspace}/models/MyModel`)
    expect(store.get(child.id.toLowerCase())?.id).toBe(child.id)
    const again = put(`${workspace}/models/MYMODEL`, modelType, { properties: { a: 1 } })
    expect(again).toMatchObject({ id: child.id, name: 'MyModel' })
    expect(store.list(workspace, modelType)).toHaveLength(1)
  })

  it('keeps who created a resource and when; a write changes etag and modification', () => {
    const before = put(workspace, workspaceType)
    now = new Date('2026-01-02T00:00:00Z')
    const other = { ...actor, displayName: 'other' }
    const after = store.put(workspace, workspaceType, { body: {} }, other)
    expect(after.etag).not.toBe(before.etag)
    expect(after.systemData).toEqual({
      createdBy: 'tester',
      createdByType: 'Application',
      createdAt: '2026-01-01T00:00:00.000Z',
      lastModifiedBy: 'other',
      lastModifiedByType: 'Application',
      lastModifiedAt: '2026-01-02T00:00:00.000Z',
    })
  })

  it('keeps secrets through a write that gives none, and replaces them by one that does', () => {
    const secrets = { key: 'k' }
    store.put(workspace, workspaceType, { body: {}, secrets }, actor)
    put(workspace, workspaceType)
    expect(store.get(workspace)?.secrets).toEqual(secrets)
    store.put(workspace, workspaceType, { body: {}, secrets: {} }, actor)
    expect(store.get(workspace)?.secrets).toEqual({})
  })

  it('returns any JSON body as it was written', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (body) => {
        put(workspace, workspaceType, body)
        expect(JSON.stringify(store.get(workspace)?.body)).toBe(
          JSON.stringify(JSON.parse(JSON.stringify(body))),
        )
      }),
      { numRuns: 50 },
    )
  })

  it('pages visit every resource once, in creation order, while others come and go', () => {
    put(workspace, workspaceType)
    const names = fc.uniqueArray(fc.stringMatching(/^[a-z0-9]{1,8}$/), { maxLength: 25 })
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 7 }), fc.boolean(), (wanted, size, reverse) => {
        for (const one of store.list(workspace, modelType)) store.delete(one.id)
        for (const name of wanted) put(`${workspace}/models/${name}`, modelType)
        const seen: string[] = []
        let skip: string | undefined
        do {
          const query = {
            listViewType: 'All',
            count: String(size),
            ...(reverse && { $orderBy: 'createdtime desc' }),
            ...(skip !== undefined && { $skip: skip }),
          }
          const page = listPage(store, workspace, modelType, query)
          expect(page.resources.length).toBeLessThanOrEqual(size)
          seen.push(...page.resources.map((one) => one.name))
          // What was already seen may go between two pages without hiding the rest.
          for (const one of page.resources) store.delete(one.id)
          skip = page.skip
        } while (skip !== undefined)
        expect(seen).toEqual(reverse ? [...wanted].reverse() : wanted)
      }),
      { numRuns: 60 },
    )
  })

  it('does not take a sibling whose name begins alike for a child', () => {
    put(workspace, workspaceType)
    put(`${workspace}2`, workspaceType)
    put(`${workspace}2/models/m`, modelType)
    expect(store.list(workspace, modelType)).toEqual([])
    expect(store.descendants(workspace)).toEqual([])
    expect(store.list('/subscriptions/s', modelType)).toHaveLength(1)
  })

  it('refuses cleanly when the disk is full, and shows nothing half-written', () => {
    put(workspace, workspaceType, { properties: { tag: 'before' } })
    const pages = db.pragma('page_count') as [{ page_count: number }]
    db.pragma(`max_page_count = ${pages[0].page_count + 4}`)
    const large = 'x'.repeat(200_000)
    const error = (() => {
      try {
        put(workspace, workspaceType, { properties: { tag: 'after', large } })
        return undefined
      } catch (caught) {
        return toAzureError(caught, quiet)
      }
    })()
    expect(error).toMatchObject({ status: 507, code: 'InsufficientStorage' })
    expect(db.inTransaction).toBe(false)
    expect(store.get(workspace)?.body).toEqual({ properties: { tag: 'before' } })
    db.pragma('max_page_count = 1000000')
    expect(put(workspace, workspaceType, { properties: { large } }).body).toHaveProperty(
      'properties.large',
    )
  })
})
