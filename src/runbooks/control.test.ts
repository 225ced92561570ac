import { describe, expect, it } from 'vitest'
import { HoldfastError } from '../model/errors.ts'
import type { RunEvent } from '../runbook/run-state.ts'
import { failover } from './failover.ts'
import { switchover } from './switchover.ts'
import { id, names, snapshot } from './testing/regions.ts'
import { controller, createScene, type Scene } from './testing/scene.ts'

const books = { failover, switchover }
type Name = keyof typeof books
const at = '2026-01-01T12:00:00.000Z'
const by = { by: 'ann', reason: 'on purpose', at }
const start = (name: Name) => ({ id: 'run', runbook: name })
const stepsOf = (name: Name) => books[name].steps.map(({ id }) => id)
const stateOf = async (scene: Scene) => (await scene.records.journal.read('run'))?.state
const demand = (scene: Scene, event: RunEvent) => scene.records.journal.append('run', event)

async function sceneOf(name: Name): Promise<Scene> {
  const scene = await createScene()
  if (name === 'failover') scene.regions.east.disconnect()
  return scene
}

/** Dies with a step begun or ended, so that whatever is demanded meets the run half done. */
async function diedAt(name: Name, step: string, type: 'step-began' | 'step-ended'): Promise<Scene> {
  const scene = await sceneOf(name)
  const { ended } = await controller(scene, start(name), { journalled: { step, type } })
  expect(ended).toBe('died')
  return scene
}

const promises = {
  failover: ['choose-point', 'raise-epoch', 'decide-jobs', 'fence-source', 'write-report'],
  switchover: [
    ...[
      'check-both',
      'copy-ahead',
      'quiesce-source',
      'catch-up',
      'choose-point',
      'raise-epoch',
      'decide-jobs',
    ],
    ...['fence-source', 'salvage', 'replicate-back', 'mark-protected', 'write-report'],
  ],
}

for (const name of ['failover', 'switchover'] as const) {
  describe(`skipping steps of a ${name}`, () => {
    for (const step of stepsOf(name)) {
      if (promises[name].includes(step)) {
        it(`${step}: never, because a promise depends on it`, async () => {
          const scene = await sceneOf(name)
          await controller(scene, start(name), {
            journalled: { step: first(name), type: 'step-began' },
          })
          await demand(scene, { type: 'skip-requested', step, ...by })
          await controller(scene, start(name))
          expect(await stateOf(scene)).toMatchObject({ status: 'done', outcome: 'complete' })
        })
        continue
      }
      it(`${step}: the rest is done, the outcome is partial, and the report says who and why`, async () => {
        const scene = await sceneOf(name)
        await controller(scene, start(name), {
          journalled: { step: first(name), type: 'step-began' },
        })
        await demand(scene, { type: 'skip-requested', step, ...by })
        await controller(scene, start(name))
        const state = await stateOf(scene)
        expect(state).toMatchObject({ status: 'done', outcome: 'partial' })
        const others = state?.steps.filter(({ id }) => id !== step) ?? []
        // A fence that cannot reach its source calls itself skipped.
        expect(others.every(({ status }) => /^(done|skipped)$/.test(status))).toBe(true)
        const report = await scene.records.reports.read('run')
        expect(report?.outcome).toBe('partial')
        expect(report?.timeline.find(({ id }) => id === step)).toMatchObject({
          ...{ status: 'skipped', detail: 'Skipped by ann: on purpose', skip: { by: 'ann' } },
        })
        expect(await leftUndone(scene)).toEqual([step])
      })
    }
  })

  describe(`aborting a ${name}`, () => {
    const gate = stepsOf(name).indexOf('raise-epoch')
    for (const [index, step] of stepsOf(name).entries()) {
      for (const point of ['step-began', 'step-ended'] as const) {
        if (index < gate) {
          it(`at ${step}, ${point}: leaves the world as it was`, async () => {
            const untouched = await snapshot((await sceneOf(name)).regions)
            const scene = await diedAt(name, step, point)
            await demand(scene, { type: 'abort-requested', ...by })
            await controller(scene, start(name))
            expect(await stateOf(scene)).toMatchObject({ status: 'done', outcome: 'aborted' })
            expect(withoutJobs(await snapshot(scene.regions))).toEqual(withoutJobs(untouched))
            expect(await scene.records.epochs.current('g')).toMatchObject({ epoch: 1 })
          })
        } else {
          it(`at ${step}, ${point}: refused, and the move is finished`, async () => {
            const scene = await diedAt(name, step, point)
            await demand(scene, { type: 'abort-requested', ...by })
            await controller(scene, start(name))
            expect(await stateOf(scene)).toMatchObject({ status: 'done', outcome: 'complete' })
          })
        }
      }
    }
  })
}

describe('what an abort undoes', () => {
  it('turns the schedules on again, and the jobs that it stopped run again, once', async () => {
    const scene = await diedAt('switchover', 'quiesce-source', 'step-ended')
    const schedule = () => scene.regions.memory.east.getObject(names.schedule)
    const off = { body: { properties: { isEnabled: false } } }
    expect(await schedule()).toMatchObject(off)
    await demand(scene, { type: 'abort-requested', ...by })
    await controller(scene, start('switchover'))
    expect(await schedule()).toMatchObject({ body: { properties: { isEnabled: true } } })
    expect((await stateOf(scene))?.steps[2]).toMatchObject({
      ...{ id: 'quiesce-source', status: 'undone' },
      detail:
        'Schedules of east on again: 1. train runs again as train-e1-r1 from checkpoints/train/step-12.json, queued runs again as queued-e1-r1.',
    })
    const dormant = await scene.regions.memory.east.getObject(names.dormant)
    expect(dormant).toMatchObject(off)
  })

  for (const when of ['before', 'after'] as const) {
    it(`ends the same over a crash ${when} any effect of the undoing (I2, I6)`, async () => {
      const calm = await aborted(await diedAt('switchover', 'catch-up', 'step-ended'))
      let number = 0
      for (; ; number += 1) {
        const scene = await diedAt('switchover', 'catch-up', 'step-ended')
        await demand(scene, { type: 'abort-requested', ...by })
        const { ended } = await controller(scene, start('switchover'), { effect: { number, when } })
        expect(await aborted(scene)).toEqual(calm)
        if (ended !== 'died') break
      }
      // The schedule and two jobs.
      expect(number).toBe(3)
    })

    for (const method of ['decideOnce', 'markResubmitted', 'markStopped', 'saveCapture'] as const) {
      it(`ends the same over a crash ${when} ${method} (I2, I6)`, async () => {
        const calm = await aborted(await diedAt('switchover', 'catch-up', 'step-ended'))
        const scene = await diedAt('switchover', 'catch-up', 'step-ended')
        await demand(scene, { type: 'abort-requested', ...by })
        expect((await dyingAt(scene, method, when)).ended).toBe('died')
        expect(await aborted(scene)).toEqual(calm)
      })
    }
  }

  it('lets a failover that comes in between run what was stopped, once (I1, I6)', async () => {
    for (const method of ['decideOnce', 'markResubmitted'] as const) {
      for (const when of ['before', 'after'] as const) {
        const scene = await diedAt('switchover', 'catch-up', 'step-ended')
        await demand(scene, { type: 'abort-requested', ...by })
        await dyingAt(scene, method, when)
        scene.regions.east.disconnect()
        const moved = await controller(scene, { id: 'away', runbook: 'failover' })
        expect(moved.ended).toMatchObject({ state: { outcome: 'complete' } })
        scene.regions.east.heal()
        const { east, west } = scene.regions.memory
        const before = (await east.listObjects('job')).items.length
        expect(await aborted(scene)).toBeDefined()
        expect((await east.listObjects('job')).items).toHaveLength(before)
        expect([west.startsOf('train-e2'), west.startsOf('queued-e2')]).toEqual([1, 1])
        expect(await stateOf(scene)).toMatchObject({ outcome: 'aborted' })
        const rows = await scene.records.jobs.rows('g')
        const promised = rows.filter((row) => row.epoch === 1 && row.decision === 'resubmit')
        expect(promised.filter(({ resubmittedAs }) => resubmittedAs === null)).toEqual([])
      }
    }
  })

  it('gives a job that is stopped and started again twice a name of its own each time', async () => {
    const scene = await diedAt('switchover', 'quiesce-source', 'step-ended')
    await aborted(scene)
    const again = { id: 'again', runbook: 'switchover' }
    await controller(scene, again, { journalled: { step: 'catch-up', type: 'step-began' } })
    await scene.records.journal.append('again', { type: 'abort-requested', ...by })
    await controller(scene, again)
    const { east, west } = scene.regions.memory
    const state = async (job: string) => (await east.getObject(id('job', job)))?.body.properties
    expect(await state('train-e1-r1')).toMatchObject({ status: 'Canceled' })
    expect(await state('train-e1-r2')).toMatchObject({
      tags: { 'holdfast.origin': 'train', 'holdfast.checkpoint': 'checkpoints/train/step-12.json' },
    })
    // What was started again moves like any other job.
    await controller(scene, { id: 'third', runbook: 'switchover' })
    expect(west.startsOf('train-e2')).toBe(1)
  })

  it('starts nothing again that came to its own end, or was told to end by nobody', async () => {
    const scene = await createScene()
    // Dies with both jobs noted, and the second not told to stop.
    await controller(scene, start('switchover'), { effect: { number: 2, when: 'before' } })
    const { east } = scene.regions.memory
    east.setJobStatus('train', 'Completed')
    scene.regions.east.break({ operations: ['cancelJob'], error: forbidden })
    await aborted(scene)
    const starts = ['train-e1-r1', 'queued-e1-r1'].map((job) => east.startsOf(job))
    expect(starts).toEqual([0, 0])
    expect(await scene.records.jobs.rows('g')).toMatchObject([
      { job: 'train', decision: 'finished', state: 'Completed' },
      { job: 'queued', decision: 'leave', state: 'Queued' },
    ])
  })

  it('waits for the end of what it starts again, and is not done before', async () => {
    const scene = await diedAt('switchover', 'catch-up', 'step-ended')
    const { east } = scene.regions.memory
    east.setJobStatus('train', 'CancelRequested')
    scene.regions.east.break({ operations: ['cancelJob'], error: forbidden })
    await aborted(scene)
    expect(await stateOf(scene)).toMatchObject({
      ...{ status: 'failed', error: { code: 'switchover.jobs-still-end' } },
    })
    expect(east.startsOf('train-e1-r1')).toBe(0)
    east.setJobStatus('train', 'Canceled')
    await aborted(scene)
    expect(await stateOf(scene)).toMatchObject({ status: 'done', outcome: 'aborted' })
    expect(east.startsOf('train-e1-r1')).toBe(1)
  })

  it('undoes a run that has failed, too', async () => {
    const scene = await sceneOf('switchover')
    const heal = scene.regions.west.break({
      operations: ['probe'],
      error: () => new HoldfastError('workspace.unreachable', 'gone', { kind: 'transient' }),
    })
    await controller(scene, start('switchover'))
    heal()
    expect(await stateOf(scene)).toMatchObject({ status: 'failed' })
    await demand(scene, { type: 'abort-requested', ...by })
    await controller(scene, start('switchover'))
    expect(await stateOf(scene)).toMatchObject({ status: 'done', outcome: 'aborted' })
  })
})

const forbidden = () =>
  new HoldfastError('workspace.forbidden', 'not yours to stop', { kind: 'operator' })

/** Asks for an abort, waits for its end and gives the whole world, records included. */
async function aborted(scene: Scene): Promise<unknown> {
  await demand(scene, { type: 'abort-requested', ...by })
  await controller(scene, start('switchover'))
  const { jobs } = scene.records
  return {
    outside: await snapshot(scene.regions),
    rows: await jobs.rows('g'),
    open: (await jobs.readCapture('g', 'east'))?.jobs,
    undone: (await stateOf(scene))?.steps.map(({ id, status, detail }) => [id, status, detail]),
  }
}

/** A controller that dies beside a write to the job store. */
function dyingAt(
  scene: Scene,
  method: 'decideOnce' | 'markResubmitted' | 'markStopped' | 'saveCapture',
  when: 'before' | 'after',
) {
  let die: () => Promise<never>
  const { jobs } = scene.records
  const write = jobs[method] as (...args: unknown[]) => Promise<unknown>
  const dying = async (...args: unknown[]) => {
    if (when === 'after') await write(...args)
    return die()
  }
  const records = { ...scene.records, jobs: { ...jobs, [method]: dying } }
  return controller({ ...scene, records }, start('switchover'), {
    means: (given) => {
      die = given
    },
  })
}

const first = (name: Name): string => stepsOf(name)[0] ?? ''

/** Jobs that were stopped run again under other names; a test of its own says which. */
function withoutJobs(world: unknown): unknown {
  const text = JSON.stringify(world, (key, value: unknown) =>
    key.startsWith('job/') || key === 'starts' ? undefined : value,
  )
  return JSON.parse(text)
}

/** Asks the world which of the steps have not had their effect. */
async function leftUndone({ regions, records }: Scene): Promise<string[]> {
  const { west, east } = regions.memory
  const has = async (id: Parameters<typeof west.getObject>[0]) => (await west.getObject(id))?.body
  const schedule = (await has(names.schedule)) as { properties: { isEnabled: boolean } }
  const endpoint = (await east.getObject(names.endpoint))?.body as {
    properties: { traffic?: Record<string, number> }
  }
  const state = await stateOf({ regions, records } as Scene)
  const isSwitchover = state?.steps.some(({ id }) => id === 'return-endpoints') ?? false
  const done: Record<string, boolean> = {
    'create-cold': (await has(names.coldModel)) !== undefined,
    'warm-endpoints': state?.steps.find(({ id }) => id === 'warm-endpoints')?.status === 'done',
    'switch-traffic': (await regions.gateway.current())?.member === 'west',
    'move-configuration': (await regions.config.current())?.member === 'west',
    'resubmit-jobs': west.startsOf('train-e2') === 1,
    'enable-schedules': schedule.properties.isEnabled,
    'return-endpoints': !isSwitchover || endpoint.properties.traffic?.blue === 100,
  }
  return Object.keys(done).filter((step) => !done[step])
}
