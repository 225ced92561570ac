import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { HoldfastError } from '../model/errors.ts'
import { faulty } from '../workspace/decorators/faulty.ts'
import { coldObjects } from './cold-objects.ts'
import { replicate } from './replicate.ts'
import { salvageObjects } from './salvage-objects.ts'
import { contentsOf } from './testing/contents.ts'
import { armIdOf } from './testing/nested-pipelines.ts'
import {
  anyContents,
  type Content,
  fillTolerant,
  put,
  type Scene,
  scene,
} from './testing/worlds.ts'

const signal = new AbortController().signal
const ignore = () => undefined
const direction = { group: 'g', source: 'east', target: 'west' }

const salvaging = ({ context }: Scene) => salvageObjects(context)
const options = { epoch: 2, signal, onProgress: ignore }

const model = (name: string, tag: string): Content => ({
  is: 'object',
  id: { kind: 'model', path: [name, '1'] },
  body: {
    properties: { modelUri: 'azureml://datastores/workspaceblobstore/paths/m/', tags: { tag } },
  },
})
const blob = (name: string, text: string): Content => ({
  is: 'blob',
  store: 'workspaceblobstore',
  name,
  text,
  metadata: {},
})
const run = (id: string, displayName: string): Content => ({
  is: 'run',
  run: {
    runId: id,
    experimentName: 'e',
    status: 'Completed',
    modifiedAt: '',
    body: { displayName },
  },
  values: [],
})

describe('salvage', () => {
  let world: Scene
  beforeEach(async () => {
    world = scene()
    for (const name of ['same', 'old', 'new', 'both', 'gone'])
      for (const make of [model, blob, run]) await put(world.east, make(name, 'first'))
    expect(await replicate(world.context)).toMatchObject({ outcome: 'complete' })
  })

  it('brings what is new or changed at the old primary, keeps what the new one did (I5, I7)', async () => {
    const { east, west } = world
    for (const make of [model, blob, run]) {
      await put(east, make('late', 'late'))
      await put(east, make('old', 'changed'))
      await put(west, make('new', 'changed'))
      await put(east, make('both', 'by east'))
      await put(west, make('both', 'by west'))
    }
    await west.deleteObject({ kind: 'model', path: ['gone', '1'] }, { epoch: 2 })
    const [eastBefore, westBefore] = [
      await contentsOf(east, 'east'),
      await contentsOf(west, 'west'),
    ]

    const result = await salvaging(world)(options)
    const brought = ['late', 'old'].flatMap((name) => [
      `blob/workspaceblobstore/${name}`,
      `model/${name}/1`,
      `run/${name}`,
    ])
    expect([...result.salvaged].filter((one) => one !== 'model-container/late').sort()).toEqual(
      brought.sort(),
    )
    expect(result.conflicts.map(({ object }) => object).sort()).toEqual([
      'blob/workspaceblobstore/both',
      'model/both/1',
      'run/both',
    ])
    expect(result.failed).toEqual([])

    const after = await contentsOf(west, 'west')
    expect(await contentsOf(east, 'east')).toEqual(eastBefore)
    for (const name of [
      'model new 1',
      'model both 1',
      'run new',
      'run both',
      'blob workspaceblobstore both',
    ])
      expect(after[name]).toBe(westBefore[name])
    expect(after['model gone 1']).toBeUndefined()

    const writes = west.writes.length
    expect(await salvaging(world)(options)).toEqual(result)
    expect(west.writes).toHaveLength(writes)
  })

  it('takes nothing for a change of the old primary that was copied there meanwhile', async () => {
    const { east, west, context } = world
    expect(await salvaging(world)(options)).toMatchObject({ conflicts: [], failed: [] })
    for (const make of [model, blob, run]) {
      await put(west, make('new', 'changed'))
      await put(west, make('made', 'there'))
    }
    const back = { ...context, source: west, target: east, epoch: 2 }
    expect(await replicate(back)).toMatchObject({ outcome: 'complete' })
    for (const make of [model, blob, run]) {
      await put(west, make('new', 'changed again'))
      await put(west, make('made', 'there, again'))
    }
    expect(await salvaging(world)(options)).toMatchObject({ conflicts: [], failed: [] })
    expect(await replicate(back)).toMatchObject({ outcome: 'complete', conflicts: 0 })
  })

  it('brings the end of a run that went on at the old primary after a first salvage (I7)', async () => {
    const { east, west, context } = world
    const back = { ...context, source: west, target: east, epoch: 2 }
    for (const before of ['in this epoch', 'in the one before']) {
      await put(east, run(before, 'Running'))
      if (before === 'in the one before') await replicate(context)
    }
    expect(await salvaging(world)(options)).toMatchObject({ conflicts: [], failed: [] })
    expect(await replicate(back)).toMatchObject({ outcome: 'complete' })
    for (const name of ['in this epoch', 'in the one before'])
      await put(east, run(name, 'Completed'))
    const full = { ...back, full: true }
    expect(await replicate(full)).toMatchObject({ conflicts: 2 })
    expect(await salvaging(world)(options)).toMatchObject({ conflicts: [], failed: [] })
    expect(await replicate(full)).toMatchObject({ outcome: 'complete', conflicts: 0 })
    const [ended] = await west.getRuns([{ runId: 'in this epoch', experimentName: 'e' }], {})
    expect(ended?.body.displayName).toBe('Completed')
  })

  it('leaves what names an object in conflict, and says what it waits for (I5, I7)', async () => {
    await put(world.east, model('both', 'by east'))
    await put(world.west, model('both', 'by west'))
    const id = { kind: 'component', path: ['uses', '1'] } as const
    const code = `${armIdOf('east')}/models/both/versions/1`
    const jobs = { step: { type: 'command', code } }
    const body = { properties: { componentSpec: { type: 'pipeline', jobs } } }
    await put(world.east, { is: 'object', id, body })
    const result = await salvaging(world)(options)
    expect(result.conflicts.map(({ object }) => object)).toEqual(['model/both/1'])
    expect(result.failed).toEqual([
      { object: 'component/uses/1', code: 'object.waiting', message: 'waits for model/both/1' },
    ])
    expect(await contentsOf(world.west, 'west')).not.toHaveProperty(['component uses 1'])
  })

  it('names what an earlier, broken call brought', async () => {
    await put(world.east, model('late', 'late'))
    await put(world.east, run('late', 'late'))
    const target = faulty(world.west)
    target.break({
      operations: ['putRuns'],
      error: () => new HoldfastError('workspace.unreachable', 'away', { kind: 'transient' }),
    })
    const broken = salvageObjects({ ...world.context, target })(options)
    await expect(broken).rejects.toMatchObject({ code: 'workspace.unreachable' })
    const { salvaged } = await salvaging(world)(options)
    expect(salvaged).toEqual(expect.arrayContaining(['model/late/1', 'run/late']))
  })

  it('leaves traffic to the new primary, whatever a fence took from the old one', async () => {
    const { east, west, context } = world
    const id = { kind: 'online-endpoint', path: ['score'] } as const
    const endpoint = (traffic: Record<string, number>): Content => ({
      is: 'object',
      id,
      body: { location: 'east', properties: { authMode: 'Key', traffic } },
    })
    await put(east, endpoint({}))
    await put(east, {
      is: 'object',
      id: { kind: 'online-deployment', path: ['score', 'blue'] },
      body: { properties: {} },
    })
    await put(east, endpoint({ blue: 100 }))
    expect(await replicate(context)).toMatchObject({ outcome: 'complete' })
    await put(east, endpoint({}))
    const writes = west.writes.length
    expect(await salvaging(world)(options)).toMatchObject({
      salvaged: [],
      conflicts: [],
      failed: [],
    })
    expect(west.writes).toHaveLength(writes)
  })
})

const anyWork = fc.tuple(anyContents, anyContents, anyContents, anyContents)

describe('a failover and its return, over any world', () => {
  it('loses nothing of either side, and the way back comes to rest (I3, I5)', async () => {
    await fc.assert(
      fc.asyncProperty(anyWork, async ([before, lost, during, later]) => {
        const world = scene()
        const { east, west, context } = world
        await fillTolerant(east, before)
        expect(await replicate(context)).toMatchObject({ outcome: 'complete' })
        await fillTolerant(east, lost)

        const cold = coldObjects({ target: west, definitions: context.definitions, direction })
        expect((await cold.create({ epoch: 2, signal, onProgress: ignore })).failed).toEqual([])
        await fillTolerant(west, during)
        const [eastThen, westThen] = [
          await contentsOf(east, 'west'),
          await contentsOf(west, 'west'),
        ]

        const result = await salvaging(world)(options)
        const westNow = await contentsOf(west, 'west')
        const isBrought = new Set(result.salvaged)
        for (const [name, text] of Object.entries(westThen)) {
          const id = objectIdOf(name)
          if (!isBrought.has(id)) expect(westNow[name], name).toBe(text)
        }
        // What names an object in conflict is not brought to where it would mean the other one.
        const waiting = result.failed.map(({ object }) => object)
        for (const name of Object.keys(eastThen))
          if (!waiting.includes(objectIdOf(name))) expect(westNow, name).toHaveProperty([name])
        for (const { code, object } of result.failed) expect(code, object).toBe('object.waiting')
        if (result.conflicts.length === 0) expect(waiting).toEqual([])

        const writes = west.writes.length
        expect(await salvaging(world)(options)).toEqual(result)
        expect(west.writes).toHaveLength(writes)

        const back = { ...context, source: west, target: east, epoch: 2 }
        const first = await replicate(back)
        const onlyConflicts = first.conflicts > 0 ? 'partial' : 'complete'
        expect(first.failed).toBe(0)
        expect(first.outcome).toBe(first.pending > 0 ? 'partial' : onlyConflicts)
        if (result.conflicts.length === 0) expect(first.conflicts).toBe(0)

        // Once more while work goes on: nothing of it is taken for the old primary's.
        if (first.outcome !== 'complete') return
        await fillTolerant(west, later)
        const again = await salvaging(world)(options)
        expect(again).toMatchObject({ conflicts: [], failed: [] })
      }),
      { numRuns: 200 },
    )
  }, 300_000)
})

function objectIdOf(name: string): string {
  const [kind = '', ...path] = name.split(' ')
  if (kind === 'blob')
    return `blob/${encodeURIComponent(path[0] ?? '')}/${encodeURIComponent(path.slice(1).join(' '))}`
  return [kind, ...path.map(encodeURIComponent)].join('/')
}
