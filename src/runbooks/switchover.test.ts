import { describe, expect, it } from 'vitest'
import { HoldfastError } from '../model/errors.ts'
import { isObject } from '../model/field-path.ts'
import type { ObjectId } from '../model/object-id.ts'
import type { FaultPoint } from '../runbook/perform.ts'
import type { FaultyWorkspace } from '../workspace/decorators/faulty.ts'
import { switchover } from './switchover.ts'
import { names } from './testing/regions.ts'
import { type Crash, controller, createScene, finalWorld, type Scene } from './testing/scene.ts'
import { captureEast } from './testing/worlds.ts'

const planned = { id: 'run', runbook: 'switchover' }

async function moved(crash: Crash = {}) {
  const scene = await createScene()
  const first = await controller(scene, planned, crash)
  if (first.ended === 'died') await controller(scene, planned)
  return { scene, first, world: await finalWorld(scene) }
}

const slowDown = () => new HoldfastError('workspace.throttled', 'slow down', { kind: 'transient' })

/** Jobs that were cancelled show `Finalizing` when they are looked at the first times. */
function finalizing(east: FaultyWorkspace, times: number): FaultyWorkspace {
  let left = times
  const getObject: FaultyWorkspace['getObject'] = async (id, options) => {
    const found = await east.getObject(id, options)
    const properties = found?.body.properties
    if (found === undefined || !isObject(properties) || properties.status !== 'Canceled')
      return found
    if (left-- <= 0) return found
    return { ...found, body: { properties: { ...properties, status: 'Finalizing' } } }
  }
  return new Proxy(east, {
    get: (target, key) => (key === 'getObject' ? getObject : Reflect.get(target, key)),
  })
}

/** The same scene, in which something befalls the world as soon as a step begins. */
function whenBegun(scene: Scene, events: Record<string, (scene: Scene) => void>): Scene {
  const { journal } = scene.records
  const append: typeof journal.append = async (run, event) => {
    if (event.type === 'step-began') events[event.step]?.(scene)
    await journal.append(run, event)
  }
  return { ...scene, records: { ...scene.records, journal: { ...journal, append } } }
}

const stepOf = async (scene: Scene, id: string) =>
  (await scene.records.journal.read('run'))?.state.steps.find((step) => step.id === id)

describe('switchover', () => {
  it('moves everything, loses nothing and leaves the group protected the other way', async () => {
    const { scene, first } = await moved()
    expect(first.ended).toMatchObject({ state: { status: 'done', outcome: 'complete' } })
    const { east, west } = scene.regions.memory
    expect(await west.readMarker()).toMatchObject({ role: 'primary', epoch: 2 })
    expect(await east.readMarker()).toMatchObject({ role: 'secondary', epoch: 2 })
    expect(await scene.regions.gateway.current()).toEqual({ member: 'west', epoch: 2 })
    // Written after the last pass: brought over once the source was fenced.
    expect(await west.getObject(names.late)).toBeDefined()
    expect((await east.getObject(names.schedule))?.body.properties).toMatchObject({
      isEnabled: false,
    })
    expect((await west.getObject(names.schedule))?.body.properties).toMatchObject({
      isEnabled: true,
    })
    expect((await east.getObject(names.endpoint))?.body.properties).toMatchObject({
      traffic: { blue: 100 },
    })
    expect(await scene.records.protection.read('g')).toMatchObject({ state: 'reversed', epoch: 2 })
    expect(west.startsOf('train-e2')).toBe(1)
    const report = await scene.records.reports.read('run')
    expect(report).toMatchObject({
      type: 'switchover',
      fence: { exposure: [] },
      salvage: { salvaged: ['model/late/1'] },
    })
  })

  it('leaves to a failover which schedules it had turned off (I7)', async () => {
    const scene = await createScene()
    const first = await controller(scene, planned, {
      at: { step: 'choose-point', point: 'intent' },
    })
    expect(first.ended).toBe('died')
    scene.regions.east.disconnect()
    await controller(scene, { id: 'move', runbook: 'failover' })
    const { west } = scene.regions.memory
    expect((await west.getObject(names.schedule))?.body.properties).toMatchObject({
      isEnabled: true,
    })
    expect((await west.getObject(names.dormant))?.body.properties).toMatchObject({
      isEnabled: false,
    })
  })

  it('stops jobs that move before it proves their checkpoints, and runs them once (I6)', async () => {
    const { first } = await moved()
    const cancelled = first.effects.indexOf('east cancelJob')
    const submitted = first.effects.indexOf('west submitJob')
    expect(cancelled).toBeGreaterThanOrEqual(0)
    expect(submitted).toBeGreaterThan(cancelled)
  })

  it('runs what a failed try has stopped, whatever passes note in between (I6)', async () => {
    const scene = await createScene()
    const first = await controller(scene, planned, {
      at: { step: 'choose-point', point: 'intent' },
    })
    expect(first.ended).toBe('died')
    expect(first.effects).toContain('east cancelJob')
    // A pass: the job that was stopped is not open any more.
    await captureEast(scene.records, scene.regions)
    await controller(scene, planned)
    expect(scene.regions.memory.west.startsOf('train-e2')).toBe(1)
  })

  it('waits for a stopped job that shows another state before it ends', async () => {
    const scene = await createScene()
    const east = finalizing(scene.regions.east, 3)
    const slow = { ...scene, regions: { ...scene.regions, east } }
    const { ended } = await controller(slow, planned)
    expect(ended).toMatchObject({ state: { status: 'done', outcome: 'complete' } })
  })

  it('names jobs that were handed in when nobody looked any more (I7)', async () => {
    const scene = await createScene()
    await controller(scene, planned, { at: { step: 'fence-source', point: 'intent' } })
    await scene.regions.memory.east.submitJob('late', { properties: {} }, { epoch: 1 })
    await controller(scene, planned)
    const report = await scene.records.reports.read('run')
    expect(report?.jobs).toContainEqual(
      expect.objectContaining({ job: 'late', decision: 'manual' }),
    )
  })

  it('switches traffic before it takes it from the old primary', async () => {
    const { first } = await moved()
    const fenced = first.effects.lastIndexOf('east writeMarker')
    expect(first.effects.indexOf('gateway scoring switchTo')).toBeLessThan(fenced)
  })

  it('is refused while a side is silent, before any effect', async () => {
    for (const side of ['east', 'west'] as const) {
      const scene = await createScene()
      scene.regions[side].disconnect()
      const { ended, effects } = await controller(scene, planned)
      expect(ended).toMatchObject({
        state: { status: 'failed', error: { code: 'switchover.side-silent', kind: 'operator' } },
      })
      expect(effects).toEqual([])
      expect(await scene.records.epochs.current('g')).toMatchObject({ epoch: 1 })
    }
  })

  it('is refused by a conflict before anything is turned off', async () => {
    const scene = await createScene()
    const { ended, effects } = await controller(scene, { ...planned, conflicts: 1 })
    expect(ended).toMatchObject({
      state: { status: 'failed', error: { code: 'switchover.not-caught-up' } },
    })
    expect(effects).toEqual([])
  })

  it('does not salvage from a source that its fence could not close (I7)', async () => {
    const scene = await createScene()
    scene.regions.east.break({ operations: ['writeMarker'], error: slowDown, times: 1 })
    const { ended } = await controller(scene, planned)
    expect(ended).toMatchObject({ state: { status: 'done' } })
    expect(await stepOf(scene, 'fence-source')).toMatchObject({ status: 'skipped' })
    // Clients that still knew the old side were let in for ever, and what they wrote was lost.
    expect(await scene.regions.memory.east.readMarker()).toMatchObject({ role: 'secondary' })
  })

  it('does not call protected what it could not bring over, until that is done (I7)', async () => {
    const scene = await createScene()
    scene.regions.west.break({
      operations: ['putObject'],
      when: ({ args: [id] }) => (id as ObjectId).path[0] === 'late',
      ...{ error: slowDown, times: 1 },
    })
    const { ended } = await controller(scene, planned)
    expect(ended).toMatchObject({ state: { status: 'done', outcome: 'partial' } })
    const report = await scene.records.reports.read('run')
    expect(report?.salvage?.failed).toMatchObject([{ object: 'model/late/1' }])
    expect(await scene.records.protection.read('g')).toMatchObject({ state: 'unsalvaged' })
    await controller(scene, { id: 'back', runbook: 'reprotect' })
    expect(await scene.regions.memory.west.getObject(names.late)).toBeDefined()
    expect(await scene.records.protection.read('g')).toMatchObject({ state: 'reversed' })
  })

  it('leaves to re-protection what a source held that was silent for a moment (I7)', async () => {
    const scene = whenBegun(await createScene(), {
      'fence-source': ({ regions }) => regions.east.disconnect(),
      'return-endpoints': ({ regions }) => regions.east.heal(),
    })
    const { ended } = await controller(scene, planned)
    expect(ended).toMatchObject({ state: { status: 'done', outcome: 'partial' } })
    // Neither fenced nor looked through: nothing may call it a protection.
    expect(await scene.records.protection.read('g')).toBeUndefined()
  })

  it('becomes a failover when the source dies after the epoch was raised', async () => {
    const scene = await createScene()
    const first = await controller(scene, planned, {
      at: { step: 'raise-epoch', point: 'record' },
    })
    expect(first.ended).toBe('died')
    scene.regions.east.disconnect()
    const { ended } = await controller(scene, planned)
    expect(ended).toMatchObject({ state: { status: 'done', outcome: 'partial' } })
    expect(await scene.regions.gateway.current()).toEqual({ member: 'west', epoch: 2 })
    expect((await stepOf(scene, 'salvage'))?.detail).toContain('reprotect')
    expect(await scene.records.protection.read('g')).toBeUndefined()
    // Re-protection finds everything that is left to do.
    scene.regions.east.heal()
    await controller(scene, { id: 'back', runbook: 'reprotect' })
    expect(await scene.regions.memory.west.getObject(names.late)).toBeDefined()
    expect(await scene.records.protection.read('g')).toMatchObject({ state: 'reversed' })
  })
})

describe('a crash at any point of a switchover ends in the same world (I2)', () => {
  const points: FaultPoint[] = ['intent', 'effect', 'record']
  const cases = switchover.steps.flatMap(({ id }) => points.map((point) => [id, point] as const))
  it.each(cases)('%s, %s', async (step, point) => {
    const calm = await moved()
    const crashed = await moved({ at: { step, point } })
    expect(crashed.world).toEqual(calm.world)
  })

  it('on either side of every single effect', async () => {
    const calm = await moved()
    expect(calm.first.effects.length).toBeGreaterThan(10)
    for (const number of calm.first.effects.keys()) {
      for (const when of ['before', 'after'] as const) {
        const crashed = await moved({ effect: { number, when } })
        expect(crashed.first.ended).toBe('died')
        expect(crashed.world).toEqual(calm.world)
      }
    }
  })
})
