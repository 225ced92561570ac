import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../model/json.ts'
import { formatObjectId, type ObjectId } from '../../model/object-id.ts'
import { collect } from '../pages.ts'
import { runVersion } from '../run-version.ts'
import type { MetricValue, Run, Workspace } from '../workspace.ts'
import { keepsImages } from './image-contract.ts'

export interface ContractSubject {
  readonly workspace: Workspace
  close(): Promise<void>
}

export interface ContractOptions {
  /** An empty workspace with nothing in it but what the service makes itself. */
  readonly create: () => Promise<ContractSubject>
  /** Cases that the subject cannot pass, each with its reason; they fail when they begin to pass. */
  readonly exceptions?: readonly { readonly test: string; readonly reason: string }[]
}

/**
 * What every workspace promises, whatever is behind it: `workspace.ts` in cases. Adapters run it
 * against a real service, decorators around the one in memory.
 */
export function describeWorkspaceContract(name: string, options: ContractOptions): void {
  describe(`workspace contract: ${name}`, () => {
    let subject: ContractSubject
    const at = () => subject.workspace
    beforeAll(async () => {
      subject = await options.create()
    }, 60_000)
    afterAll(() => subject?.close())

    const promise = (test: string, body: () => Promise<void>) => {
      const exception = options.exceptions?.find((one) => one.test === test)
      if (exception === undefined) it(test, body, 30_000)
      else it.fails(`${test} (${exception.reason})`, body, 30_000)
    }

    promise('says where it is', async () => {
      const place = await at().describe()
      expect(place).toMatchObject({ subscriptionId: expect.any(String) })
      expect(place.apiOrigin).not.toMatch(/\/$/)
    })

    promise('answers absence with undefined, and an absent list with an empty page', async () => {
      expect(await at().getObject(model('none'))).toBeUndefined()
      expect(await at().getRun('none')).toBeUndefined()
      expect(await at().getBlob('workspaceblobstore', 'none')).toBeUndefined()
      expect(await collect((page) => at().listBlobs('container:none', page))).toEqual([])
    })

    promise('keeps what was put, unknown fields included', async () => {
      const body = { properties: { ...properties('kept'), fieldOfNextYear: { deep: [1, 'x'] } } }
      const put = await at().putObject(model('kept'), body, { epoch: 1 })
      const read = await at().getObject(model('kept'))
      expect(read?.body.properties).toMatchObject(body.properties)
      expect(formatObjectId(put.id)).toBe(formatObjectId(model('kept')))
    })

    promise('keeps one key in its vault, made once and never printed (I9)', async () => {
      expect(await at().readSealingKey()).toBeUndefined()
      const made = await at().makeSealingKey({ epoch: 1 })
      const again = await at().makeSealingKey({ epoch: 1 })
      expect(again).toEqual(made)
      const [newest, named] = [
        await at().readSealingKey(),
        await at().readSealingKey({ id: made.id }),
      ]
      for (const one of [again, newest, named]) expect(one?.key.reveal()).toBe(made.key.reveal())
      expect(await at().readSealingKey({ id: '0123456789abcdef0123456789abcdef' })).toBeUndefined()
      expect(`${made.key} ${JSON.stringify({ made })}`).not.toContain(made.key.reveal())
    })

    promise('keeps images by tag and digest, and no bytes of another digest', () =>
      keepsImages(at()),
    )

    promise('is idempotent: the same put again changes nothing (I2)', async () => {
      const body = { properties: properties('again') }
      await at().putObject(model('again'), body, { epoch: 1 })
      await at().putObject(model('again'), body, { epoch: 1 })
      expect((await at().getObject(model('again')))?.body.properties).toMatchObject(body.properties)
    })

    promise('refuses another payload under an immutable version', async () => {
      await at().putObject(model('fixed'), { properties: properties('a') }, { epoch: 1 })
      await expect(
        at().putObject(model('fixed'), { properties: properties('b') }, { epoch: 1 }),
      ).rejects.toMatchObject({ code: 'object.immutable' })
      expect((await at().getObject(model('fixed')))?.body.properties).toMatchObject(properties('a'))
    })

    promise('refuses an existing object where absence was the condition', async () => {
      const put = () =>
        at().putObject(
          compute('taken'),
          { location: 'eastus', properties: { computeType: 'AmlCompute', properties: {} } },
          { epoch: 1, condition: 'absent' },
        )
      await put()
      await expect(put()).rejects.toMatchObject({ code: 'object.exists' })
    })

    promise('lists all pages, archived versions included', async () => {
      const names = Array.from({ length: 7 }, (_, i) => `page-${i}`)
      for (const each of names) {
        await at().putObject(
          model(each),
          { properties: { ...properties(each), isArchived: each === 'page-3' } },
          { epoch: 1 },
        )
      }
      const found = await collect((page) => at().listObjects('model', page), { pageSize: 2 })
      const ids = found.map(({ id }) => formatObjectId(id))
      for (const each of names) expect(ids).toContain(formatObjectId(model(each)))
      expect(new Set(ids).size).toBe(ids.length)
    })

    promise('lists what belongs to one parent only', async () => {
      for (const each of ['parent-a', 'parent-b']) {
        await at().putObject(model(each), { properties: properties(each) }, { epoch: 1 })
      }
      const parent: ObjectId = { kind: 'model-container', path: ['parent-a'] }
      const found = await collect((page) => at().listObjects('model', { ...page, parent }))
      expect(found.map(({ id }) => id.path[0])).toEqual(['parent-a'])
    })

    promise('keeps runs under their own ids, with times and parents', async () => {
      await at().putRuns('contract', [run('mother'), run('child', 'mother')], { epoch: 1 })
      const child = await at().getRun('child')
      expect(child).toMatchObject({
        runId: 'child',
        experimentName: 'contract',
        status: 'Completed',
        body: { parentRunId: 'mother', tags: { who: 'ö \u{1f680}' } },
      })
      expect(Date.parse(String(child?.body.startTimeUtc))).toBe(Date.parse(started))
      const found = await at().getRuns([
        { runId: 'mother', experimentName: 'contract' },
        { runId: 'none', experimentName: 'contract' },
      ])
      expect(found.map(({ runId }) => runId)).toEqual(['mother'])
    })

    promise('overwrites no run that is not as it was expected, and none beside it', async () => {
      const [first, other] = [run('expected'), run('beside')]
      const absent = new Map([['expected', null]])
      await at().putRuns('contract', [first], { epoch: 1, expected: absent })
      const seen = await at().getRun('expected')
      const expected = new Map([['expected', seen === undefined ? null : runVersion(seen)]])
      const changed = { ...first, body: { ...first.body, tags: { who: 'somebody else' } } }
      await at().putRuns('contract', [changed], { epoch: 1, expected })
      for (const before of [absent, expected]) {
        const late = at().putRuns('contract', [other, first], { epoch: 1, expected: before })
        await expect(late).rejects.toMatchObject({ code: 'run.changed' })
      }
      expect(await at().getRun('beside')).toBeUndefined()
      expect((await at().getRun('expected'))?.body.tags).toMatchObject({ who: 'somebody else' })
    })

    promise('lists runs modified since an instant, in order within an experiment', async () => {
      await at().putRuns('since', [run('early')], { epoch: 1 })
      const early = await at().getRun('early')
      await at().putRuns('since', [run('late-1'), run('late-2')], { epoch: 1 })
      const all = await collect((page) =>
        at().listRuns({ ...page, pageSize: 1, modifiedSince: early?.modifiedAt ?? '' }),
      )
      const mine = all.filter(({ experimentName }) => experimentName === 'since')
      expect(mine.map(({ runId }) => runId)).toEqual(expect.arrayContaining(['late-1', 'late-2']))
      const times = mine.map(({ modifiedAt }) => modifiedAt)
      expect([...times].sort()).toEqual(times)
    })

    promise(
      'lists the runs of one experiment alone, page by page, and none of one that is not there',
      async () => {
        await at().putRuns('one', [run('one-a'), run('one-b')], { epoch: 1 })
        await at().putRuns('other', [run('other-a')], { epoch: 1 })
        const found = (experiment: string) =>
          collect((page) => at().listRuns({ ...page, pageSize: 1, experiment }))
        expect((await found('one')).map(({ runId }) => runId).sort()).toEqual(['one-a', 'one-b'])
        expect(await found('nowhere')).toEqual([])
      },
    )

    promise(
      'keeps full series, not-a-number and infinities among them, each value once',
      async () => {
        await at().putRuns('contract', [run('measured')], { epoch: 1 })
        const values = ['NaN', 'Infinity', '-Infinity', 1e-300, 0.5].map(value)
        await at().writeMetrics('measured', values, { epoch: 1 })
        await at().writeMetrics('measured', values, { epoch: 1 })
        const read = await collect((page) => at().readMetrics('measured', page))
        expect(read.map(({ step, data }) => [step, data.loss])).toEqual(
          values.map(({ step, data }) => [step, data.loss]),
        )
        expect(read.map(({ metricId }) => metricId)).toEqual(values.map(({ metricId }) => metricId))
      },
    )

    promise('keeps the archived state and tags of experiments', async () => {
      await at().putExperiment({ name: 'old', archived: true, tags: { a: 'b' } }, { epoch: 1 })
      const found = await collect((page) => at().listExperiments(page))
      expect(found.find((one) => one.name === 'old')).toMatchObject({
        archived: true,
        tags: { a: 'b' },
      })
    })

    promise('keeps bytes with metadata, lists them by prefix, gives them back', async () => {
      await write('contract/a b/\u{1f680}.txt', 'bytes', { who: 'me' })
      await write('other.txt', 'x', {})
      const listed = await collect((page) =>
        at().listBlobs(store, { ...page, prefix: 'contract/' }),
      )
      expect(listed).toMatchObject([
        { name: 'contract/a b/\u{1f680}.txt', sizeBytes: 5, metadata: { who: 'me' } },
      ])
      expect(await read('contract/a b/\u{1f680}.txt')).toBe('bytes')
    })

    promise('copies from an address of storage, and refuses a source that changed', async () => {
      await write('copy/source.txt', 'first', { v: '1' })
      const source = await at().getBlob(store, 'copy/source.txt')
      if (source === undefined) throw new Error('it was written')
      const url = await at().blobReadUrl(store, source.name)
      expect(JSON.stringify(url)).toBe('"[secret]"')
      await at().copyBlob('container:contract-copies', source, url, { epoch: 1 })
      expect(await at().getBlob('container:contract-copies', source.name)).toMatchObject({
        sizeBytes: 5,
        metadata: { v: '1' },
      })
      await write('copy/source.txt', 'second', {})
      await expect(
        at().copyBlob('container:contract-copies', source, url, { epoch: 1 }),
      ).rejects.toMatchObject({ code: 'blob.changed' })
    })

    promise('deletes a blob, however often', async () => {
      await write('gone.txt', 'x', {})
      await at().deleteBlob(store, 'gone.txt', { epoch: 1 })
      await at().deleteBlob(store, 'gone.txt', { epoch: 1 })
      expect(await at().getBlob(store, 'gone.txt')).toBeUndefined()
    })

    promise('takes a second submission of one name for the first (I6)', async () => {
      const first = await at().submitJob('twice', job('echo first'), { epoch: 1 })
      const second = await at().submitJob('twice', job('echo second'), { epoch: 1 })
      expect(second.id).toEqual(first.id)
      const stored = (await at().getObject({ kind: 'job', path: ['twice'] }))?.body.properties
      expect(stored).toMatchObject({ command: 'echo first' })
      await at().cancelJob('twice', { epoch: 1 })
      await at().cancelJob('none', { epoch: 1 })
    })

    promise('keeps its marker, and refuses to go back to an older epoch (I1)', async () => {
      expect(await at().readMarker()).toBeUndefined()
      const marker = { group: 'g', role: 'primary', epoch: 5, since: started } as const
      await at().writeMarker(marker, { epoch: 5 })
      expect(await at().readMarker()).toEqual(marker)
      await expect(
        at().writeMarker({ ...marker, role: 'secondary', epoch: 4 }, { epoch: 4 }),
      ).rejects.toMatchObject({ code: 'epoch.stale' })
      expect(await at().readMarker()).toEqual(marker)
    })

    promise('reports the health of a plane and does not throw for it', async () => {
      for (const plane of ['arm', 'history', 'blob', 'jobs'] as const) {
        expect(await at().probe(plane)).toMatchObject({ plane, healthy: true })
      }
    })

    promise('does nothing for a caller that has cancelled already', async () => {
      const signal = AbortSignal.abort()
      await expect(
        at().putObject(model('never'), { properties: properties('x') }, { epoch: 1, signal }),
      ).rejects.toMatchObject({ kind: 'cancelled' })
      await expect(at().listRuns({ signal })).rejects.toMatchObject({ kind: 'cancelled' })
      expect(await at().getObject(model('never'))).toBeUndefined()
    })

    const store = 'workspaceblobstore'
    const write = (blob: string, text: string, metadata: Record<string, string>) =>
      at().writeBlob(
        store,
        { name: blob, sizeBytes: text.length, etag: '', modifiedAt: '', metadata },
        new Blob([text]).stream(),
        { epoch: 1 },
      )
    const read = async (blob: string) => new Response(await at().readBlob(store, blob)).text()
  })
}

const model = (name: string): ObjectId => ({ kind: 'model', path: [name, '1'] })
const compute = (name: string): ObjectId => ({ kind: 'compute', path: [name] })
const properties = (name: string): JsonObject => ({
  modelUri: `azureml://datastores/workspaceblobstore/paths/models/${name}/`,
  modelType: 'custom_model',
  tags: { name },
})
const job = (command: string): JsonObject => ({
  properties: { jobType: 'Command', command, experimentName: 'contract' },
})
const started = '2026-01-01T00:00:00.000Z'
const run = (runId: string, parentRunId?: string): Run => ({
  ...{ runId, experimentName: 'contract', status: 'Completed', modifiedAt: '' },
  body: {
    runId,
    ...(parentRunId === undefined ? {} : { parentRunId }),
    ...{ status: 'Completed', startTimeUtc: started, endTimeUtc: '2026-01-01T00:01:00.000Z' },
    tags: { who: 'ö \u{1f680}' },
  },
})
const value = (loss: string | number, step: number): MetricValue => ({
  ...{ name: 'loss', schema: 'azureml.v1.scalar', step, data: { loss } },
  metricId: `00000000-0000-4000-8000-00000000000${step}`,
  createdUtc: `2026-01-01T00:00:0${step}.000Z`,
})
