import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type Database from 'libsql'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AzureError, type KindBehaviour } from '../context.ts'
import { openDatabase } from '../store/database.ts'
import { openRecycleBin } from '../store/recycle-bin.ts'
import { openResourceStore } from '../store/resource-store.ts'
import { armService } from './arm-service.ts'
import { behaviourRegistry } from './behaviour-registry.ts'
import { openOperations } from './operations.ts'

const actor = { objectId: 'o', displayName: 'tester', tenantId: 't' }
const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
const type = 'Microsoft.MachineLearningServices/registries'
const id = `/subscriptions/s/resourceGroups/rg/providers/${type}/r`
const clock = () => new Date('2026-01-01T00:00:00Z')

let dir: string
let db: Database.Database

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-arm-'))
  db = openDatabase(dir)
})
afterEach(() => {
  db.close()
  rmSync(dir, { recursive: true, force: true })
})

/** A promise that the test opens by hand. */
function gateway() {
  let resolve: () => void = () => undefined
  const promise = new Promise<void>((open) => {
    resolve = open
  })
  return { promise, resolve }
}

function assemble(behaviour: Partial<KindBehaviour>) {
  const store = openResourceStore({ db, clock })
  const operations = openOperations({ db, clock })
  const behaviours = behaviourRegistry()
  behaviours.register({ type: type.toLowerCase(), lro: 'registry', ...behaviour })
  const regionName = 'eastus'
  const bin = openRecycleBin(db)
  const service = armService({ db, store, bin, clock, operations, behaviours, regionName, log })
  const write = (body: Record<string, unknown> = {}, method: 'PUT' | 'PATCH' = 'PUT') =>
    service.write({ id, type, method, body, query: {}, conditions: {}, actor })
  const state = () =>
    (store.get(id)?.body.properties as { provisioningState?: string } | undefined)
      ?.provisioningState
  return { store, operations, service, write, state }
}

describe('long-running writes', () => {
  it('are in progress until the work is done, then succeed', async () => {
    const gate = gateway()
    const arm = assemble({ afterPut: () => gate.promise })
    const { operation } = await arm.write()
    expect(arm.operations.get(operation?.id ?? '')?.status).toBe('InProgress')
    expect(arm.state()).toBe('Creating')
    gate.resolve()
    await arm.service.idle()
    expect(arm.operations.get(operation?.id ?? '')?.status).toBe('Succeeded')
    expect(arm.state()).toBe('Succeeded')
  })

  it('end Failed, with the error, when the work fails', async () => {
    const arm = assemble({
      afterPut: async () => {
        throw new AzureError(400, 'OutOfCapacity', 'No nodes left.')
      },
    })
    const { operation } = await arm.write()
    await arm.service.idle()
    expect(arm.operations.get(operation?.id ?? '')).toMatchObject({
      status: 'Failed',
      error: { code: 'OutOfCapacity', message: 'No nodes left.' },
    })
    expect(arm.state()).toBe('Failed')
  })

  it('are taken up again after the process died during the work', async () => {
    const never = new Promise<void>(() => undefined)
    const first = assemble({ afterPut: () => never })
    const { operation } = await first.write()
    const seen: string[] = []
    const second = assemble({
      afterPut: async (resource, change, who) => {
        seen.push(`${resource.name} ${change} ${who.displayName}`)
      },
    })
    second.service.resume()
    await second.service.idle()
    expect(seen).toEqual(['r created tester'])
    expect(second.operations.get(operation?.id ?? '')?.status).toBe('Succeeded')
    expect(second.state()).toBe('Succeeded')
  })

  it('of one resource run one after the other', async () => {
    const gates = [gateway(), gateway()]
    const started: string[] = []
    const arm = assemble({
      afterPut: (_resource, change) => {
        started.push(change)
        return gates[started.length - 1]?.promise ?? Promise.resolve()
      },
    })
    await arm.write()
    await arm.write()
    await Promise.resolve()
    expect(started).toEqual(['created'])
    gates[0]?.resolve()
    gates[1]?.resolve()
    await arm.service.idle()
    expect(started).toEqual(['created', 'updated'])
  })

  it('delete children first, and forget what they held when it is done', async () => {
    const removed: string[] = []
    const asked: string[] = []
    const arm = assemble({
      beforeDelete: (resource) => {
        asked.push(resource.name)
      },
      afterDelete: async (resource) => {
        removed.push(resource.name)
      },
    })
    await arm.write()
    await arm.service.idle()
    // A registry in a registry: the same behaviour, so that both could be asked.
    arm.store.put(`${id}/registries/c`, type, { body: {}, secrets: { key: 'hidden' } }, actor)
    const answer = await arm.service.remove({ id, query: {}, conditions: {} })
    await arm.service.idle()
    expect(asked).toEqual(['r'])
    expect(removed).toEqual(['c', 'r'])
    expect(arm.store.get(`${id}/registries/c`)).toBeUndefined()
    const row = db.prepare('SELECT work FROM operations WHERE id = ?').get(answer?.operation?.id)
    expect(JSON.stringify(row)).not.toContain('hidden')
    expect(await arm.service.remove({ id, query: {}, conditions: {} })).toBeUndefined()
  })

  it('gives a PATCH the merged document, tags replaced as a whole', async () => {
    const seen: unknown[] = []
    const arm = assemble({
      beforePut: ({ body, method }) => {
        seen.push([method, body.tags])
        return { body }
      },
    })
    await arm.write({ tags: { a: '1', b: '2' }, properties: { keep: true, drop: 1 } })
    await arm.service.idle()
    await arm.write({ tags: { c: '3' }, properties: { drop: null } }, 'PATCH')
    await arm.service.idle()
    expect(seen).toEqual([
      ['PUT', { a: '1', b: '2' }],
      ['PATCH', { c: '3' }],
    ])
    expect(arm.store.get(id)?.body).toEqual({
      tags: { c: '3' },
      properties: { keep: true, provisioningState: 'Succeeded' },
    })
  })
})
