import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  canonicalObject,
  canonicalRun,
  canonicalTime,
  digestJson,
  type MetricContent,
  metricDigest,
} from './canonical.ts'
import type { ObjectId } from './object-id.ts'

const model: ObjectId = { kind: 'model', path: ['fraud', '3'] }

describe('canonicalObject', () => {
  it('drops the envelope, the read-only fields and what services add on read', () => {
    const written = { properties: { modelUri: 'azureml://datastores/d/paths/x', tags: { a: 'b' } } }
    const read = {
      id: '/subscriptions/x',
      name: '3',
      type: 't',
      systemData: { createdAt: 'now' },
      properties: {
        ...written.properties,
        provisioningState: 'Succeeded',
        flavors: {},
        description: null,
        isArchived: false,
        isAnonymous: false,
        properties: {},
      },
    }
    expect(canonicalObject(model, read)).toEqual(canonicalObject(model, written))
  })

  it('keeps what a client wrote: archived, tags, unknown fields', () => {
    const a = canonicalObject(model, { properties: { modelUri: 'x', isArchived: true, novel: 1 } })
    expect(a).toEqual({ properties: { isArchived: true, modelUri: 'x', novel: 1 } })
  })

  it('never shows a secret', () => {
    const body = {
      properties: {
        datastoreType: 'AzureBlob',
        credentials: { credentialsType: 'AccountKey', secrets: { key: 'SECRET' } },
      },
    }
    const canonical = canonicalObject({ kind: 'datastore', path: ['d'] }, body)
    expect(JSON.stringify(canonical)).not.toContain('SECRET')
    expect(canonical).toMatchObject({
      properties: { credentials: { credentialsType: 'AccountKey' } },
    })
  })

  it('drops a read-only field only for the variant it belongs to', () => {
    const compute: ObjectId = { kind: 'compute', path: ['c'] }
    const body = (computeType: string) => ({
      properties: { computeType, properties: { currentNodeCount: 3, vmSize: 's' } },
    })
    expect(canonicalObject(compute, body('AmlCompute'))).toEqual({
      properties: { computeType: 'AmlCompute', properties: { vmSize: 's' } },
    })
    expect(canonicalObject(compute, body('Novel'))).toMatchObject({
      properties: { properties: { currentNodeCount: 3 } },
    })
  })

  it('reads ARM ids without letter case, but not the names below the workspace', () => {
    const id = (group: string, name: string) =>
      `/subscriptions/S/${group}/G/providers/Microsoft.MachineLearningServices/workspaces/W/models/${name}`
    const form = (text: string) => digestJson(canonicalObject(model, { properties: { x: text } }))
    expect(form(id('resourceGroups', 'Fraud'))).toBe(form(id('resourcegroups', 'Fraud')))
    expect(form(id('resourceGroups', 'Fraud'))).not.toBe(form(id('resourceGroups', 'fraud')))
  })

  it('is idempotent and blind to the order of keys', () => {
    const anyBody = fc.dictionary(fc.string(), fc.jsonValue() as fc.Arbitrary<null>)
    fc.assert(
      fc.property(anyBody, (properties) => {
        const body = { properties }
        const reversed = { properties: Object.fromEntries(Object.entries(properties).reverse()) }
        const once = canonicalObject(model, body)
        expect(canonicalObject(model, once)).toEqual(once)
        expect(digestJson(canonicalObject(model, reversed))).toBe(digestJson(once))
      }),
    )
  })
})

describe('canonicalRun', () => {
  const run = (body: object) => ({
    runId: 'r',
    experimentName: 'e',
    status: 'Completed',
    body: { runId: 'r', ...body },
  })
  it('drops what run history makes and reads times alike', () => {
    const a = run({
      startTimeUtc: '2026-01-01T00:00:00.1200000+00:00',
      runNumber: 1,
      createdBy: { userName: 'x' },
      revision: 5,
      lastModifiedUtc: 'x',
      runUuid: 'u',
      experimentId: 'e1',
      token: 't',
    })
    const b = run({
      startTimeUtc: '2026-01-01T00:00:00.12Z',
      runNumber: 9,
      revision: 1,
      tags: {},
      hidden: false,
    })
    expect(canonicalRun(a)).toEqual(canonicalRun(b))
  })
  it.each([
    ['status', { status: 'Failed' }],
    ['parent', { body: { parentRunId: 'p' } }],
    ['tags', { body: { tags: { a: '1' } } }],
    ['time', { body: { endTimeUtc: '2026-01-01T00:00:00Z' } }],
  ])('sees another %s', (_name, change) => {
    const base = run({})
    expect(canonicalRun({ ...base, ...change })).not.toEqual(canonicalRun(base))
  })
  it.each([
    ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'],
    ['2026-01-01T00:00:00.1234567+00:00', '2026-01-01T00:00:00.1234567Z'],
    ['2026-01-01T02:00:00.500+02:00', '2026-01-01T00:00:00.5Z'],
    ['soon', 'soon'],
  ])('reads the time %s', (text, expected) => {
    expect(canonicalTime(text)).toBe(expected)
  })
})

describe('metricDigest', () => {
  const value = (metricId: string, loss: number | string): MetricContent => ({
    name: 'loss',
    schema: 'azureml.v1.scalar',
    metricId,
    createdUtc: '2026-01-01T00:00:00Z',
    step: 1,
    data: { loss },
  })
  const digest = (values: MetricContent[]) => {
    const one = metricDigest()
    one.add(values)
    return one.digest()
  }
  it('does not depend on the order, but on every value', () => {
    const values = [value('a', 1), value('b', 'NaN'), value('c', 2)]
    expect(digest(values)).toBe(digest([...values].reverse()))
    expect(digest(values)).not.toBe(digest(values.slice(1)))
    expect(digest(values)).not.toBe(digest([...values, value('a', 1)]))
    expect(digest(values)).not.toBe(digest([value('a', 1), value('b', 'Infinity'), value('c', 2)]))
  })
})
