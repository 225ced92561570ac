import { beforeEach, describe, expect, it } from 'vitest'
import { drillTag } from '../model/drill.ts'
import { HoldfastError } from '../model/errors.ts'
import type { FaultPoint } from '../runbook/perform.ts'
import { drill } from './drill.ts'
import { reportToHtml } from './report-html.ts'
import { findDrillObjects, namesOf } from './steps/drill/drill-objects.ts'
import { id, snapshot } from './testing/regions.ts'
import {
  type Crash,
  controller,
  createScene,
  finalWorld,
  heldAt,
  type Scene,
} from './testing/scene.ts'

const rehearsal = { id: 'run', runbook: 'drill' }
const refusal = { error: () => new HoldfastError('object.refused', 'no room') }
const newest = 'checkpoints/train/step-10.json'

/** A secondary to which everything that is proven has really been copied. */
async function drillScene(): Promise<Scene> {
  const scene = await createScene()
  const { west } = scene.regions.memory
  for (const step of [1, 2, 10]) {
    const bytes = new TextEncoder().encode(`{"step":${step}}`)
    await west.writeBlob(
      'workspaceblobstore',
      {
        ...{ name: `checkpoints/train/step-${step}.json`, sizeBytes: bytes.length, etag: '' },
        ...{ modifiedAt: '', metadata: {} },
      },
      new Blob([bytes]).stream(),
      { epoch: 1 },
    )
  }
  return scene
}

async function rehearsed(crash: Crash = {}) {
  const scene = await drillScene()
  const before = await snapshot(scene.regions)
  const first = await controller(scene, rehearsal, crash)
  if (first.ended === 'died') await controller(scene, rehearsal)
  return { scene, before, first, world: await finalWorld(scene) }
}

const leftAt = async ({ regions }: Scene) =>
  namesOf(await findDrillObjects(regions.memory.west, AbortSignal.timeout(5000)))

const reportOf = async (scene: Scene) => {
  const report = await scene.records.reports.read('run')
  if (report?.drill === undefined) throw new Error('no drill was reported')
  return { ...report, drill: report.drill }
}

describe('drill', () => {
  it('rehearses endpoints and jobs, measures, and leaves both regions as they were', async () => {
    const { scene, before, first } = await rehearsed()
    expect(first.effects.every((effect) => effect.startsWith('west '))).toBe(true)
    expect(await snapshot(scene.regions)).toEqual(before)
    expect(await leftAt(scene)).toEqual([])
    const { endpoints, recovery, drill: result, ...report } = await reportOf(scene)
    expect(report).toMatchObject({ type: 'drill', epoch: 1, from: 'east', to: 'west' })
    expect(endpoints).toMatchObject([{ answers: true }])
    expect(endpoints[0]?.endpoint).toMatch(/^drill-[0-9a-f]{6}-fraud$/)
    expect(recovery).toMatchObject({ rtaMs: 5000, rpaMs: 30_000 })
    expect(result.jobs.map(({ job, started, checkpoint }) => [job, started, checkpoint])).toEqual([
      ['train', true, newest],
      ['queued', true, null],
    ])
    expect(result.removed).toHaveLength(4)
    expect(await scene.records.epochs.history('g')).toHaveLength(1)
    expect(await scene.records.jobs.rows('g')).toEqual([])
  })

  it('says that the sample is not what was proven, and is partial', async () => {
    const { scene, first } = await rehearsed()
    expect(first.ended).toMatchObject({ state: { status: 'done', outcome: 'partial' } })
    // The rows of the scene hold no real digests, so every one of them differs.
    const report = await reportOf(scene)
    expect(report.drill.sample.equal).toBe(0)
    expect(report.drill.sample.different.map(({ code }) => code)).toContain('object.not-equal')
    expect(reportToHtml(report)).toContain('Rehearsal')
  })

  it('submits each job from its checkpoint, into folders and an experiment of its own', async () => {
    const scene = await drillScene()
    const { runner, goOn } = await heldAt(scene, 'rehearse-jobs', rehearsal)
    const { west } = scene.regions.memory
    const jobs = (await west.listObjects('job')).items
    const train = jobs.find(({ id: { path } }) => path[0]?.endsWith('-train'))
    expect(train?.body.properties).toMatchObject({
      experimentName: 'holdfast-drill',
      tags: { [drillTag]: 'run' },
      status: 'Canceled',
      outputs: {
        checkpoints: {
          uri: expect.stringContaining('/paths/holdfast-drill/drill-'),
        },
      },
    })
    const blobs = (await west.listBlobs('workspaceblobstore', { prefix: 'holdfast-drill/' })).items
    expect(blobs.map(({ name }) => name.split('/').at(-1))).toEqual(['step-10.json'])
    goOn()
    await runner.ended('run')
    expect(await leftAt(scene)).toEqual([])
  })

  it('cleans up when it is cancelled in the middle', async () => {
    const scene = await drillScene()
    const { runner, goOn } = await heldAt(scene, 'create-copies', rehearsal)
    expect((await leftAt(scene)).length).toBeGreaterThan(0)
    await runner.cancel('run', 'test')
    goOn()
    expect(await runner.ended('run')).toMatchObject({
      state: { status: 'done', outcome: 'cancelled' },
    })
    expect(await leftAt(scene)).toEqual([])
    expect((await reportOf(scene)).recovery).toMatchObject({ rtaMs: null })
  })

  it('cleans up when a copy cannot be made, and names it', async () => {
    const scene = await drillScene()
    const { west } = scene.regions.memory
    await west.putObject(
      id('online-endpoint', 'a-name-that-is-long-enough-to-cut'),
      { properties: { authMode: 'Key' } },
      { epoch: 1 },
    )
    scene.regions.west.break({ ...refusal, operations: ['putObject'], times: 1 })
    const { ended } = await controller(scene, rehearsal)
    expect(ended).toMatchObject({ state: { status: 'done', outcome: 'partial' } })
    expect((await reportOf(scene)).cold.failed).toHaveLength(1)
    expect(await leftAt(scene)).toEqual([])
  })

  it('stops when a failover begins, cleans up, and keeps out of its way', async () => {
    const scene = await drillScene()
    const { runner, goOn } = await heldAt(scene, 'create-copies', rehearsal)
    await scene.records.epochs.begin('g', {
      ...{ from: 'east', to: 'west', expected: 1, by: 'other', at: new Date().toISOString() },
    })
    goOn()
    await runner.ended('run')
    const { drill: result, timeline } = await reportOf(scene)
    expect(timeline.find((step) => step.id === 'warm-copies')?.status).toBe('partial')
    expect(result.jobs.every(({ started }) => !started)).toBe(true)
    expect(await leftAt(scene)).toEqual([])
  })

  it('removes what an earlier drill left, and nothing of somebody who likes the name', async () => {
    const scene = await drillScene()
    const { west } = scene.regions.memory
    const put = (name: string, tags: Record<string, string>) =>
      west.putObject(
        id('online-endpoint', name),
        { tags, properties: { authMode: 'Key' } },
        { epoch: 1 },
      )
    await put('drill-0a1b2c-fraud', { [drillTag]: 'earlier' })
    await put('drill-0a1b2c-mine', {})
    await controller(scene, rehearsal)
    expect(await west.getObject(id('online-endpoint', 'drill-0a1b2c-fraud'))).toBeUndefined()
    expect(await west.getObject(id('online-endpoint', 'drill-0a1b2c-mine'))).toBeDefined()
  })

  it('fails, after its report, when something cannot be removed', async () => {
    const scene = await drillScene()
    scene.regions.west.break({ ...refusal, operations: ['deleteObject'] })
    const { ended } = await controller(scene, rehearsal)
    expect(ended).toMatchObject({ state: { status: 'failed', error: { code: 'drill.left-over' } } })
    expect((await reportOf(scene)).outcome).toBe('partial')
  })

  it('asks the source nothing: a drill works while it is silent', async () => {
    const scene = await drillScene()
    scene.regions.east.disconnect()
    const { ended } = await controller(scene, rehearsal)
    expect(ended).toMatchObject({ state: { status: 'done' } })
    expect((await reportOf(scene)).endpoints).toMatchObject([{ answers: true }])
  })
})

describe('a crash at any point of a drill ends clean, with the same report (I2)', () => {
  let calm: unknown
  let effects: number
  beforeEach(async () => {
    const { world, first } = await rehearsed()
    calm = world
    effects = first.effects.length
  })
  const points: FaultPoint[] = ['intent', 'effect', 'record']
  const cases = drill.steps.flatMap(({ id: step }) => points.map((point) => [step, point] as const))
  it.each(cases)('%s, %s', async (step, point) => {
    const crashed = await rehearsed({ at: { step, point } })
    expect(crashed.world).toEqual(calm)
    expect(await leftAt(crashed.scene)).toEqual([])
  })

  it('on either side of every single effect', async () => {
    expect(effects).toBeGreaterThan(8)
    for (let number = 0; number < effects; number += 1) {
      for (const when of ['before', 'after'] as const) {
        const crashed = await rehearsed({ effect: { number, when } })
        expect(crashed.first.ended).toBe('died')
        expect(crashed.world).toEqual(calm)
        expect(await leftAt(crashed.scene)).toEqual([])
      }
    }
  })
})
