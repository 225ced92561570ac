import { describe, expect, it } from 'vitest'
import { HoldfastError } from '../model/errors.ts'
import type { RunEvent } from '../runbook/run-state.ts'
import { failover } from './failover.ts'
import { switchover } from './switchover.ts'
import { names, snapshot } from './testing/regions.ts'
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
    ...['check-both', 'quiesce-source', 'catch-up', 'choose-point', 'raise-epoch', 'decide-jobs'],
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
  it('turns the schedules on again, and names the jobs that it cannot start again', async () => {
    const scene = await diedAt('switchover', 'quiesce-source', 'step-ended')
    const schedule = () => scene.regions.memory.east.getObject(names.schedule)
    const off = { body: { properties: { isEnabled: false } } }
    expect(await schedule()).toMatchObject(off)
    await demand(scene, { type: 'abort-requested', ...by })
    await controller(scene, start('switchover'))
    expect(await schedule()).toMatchObject({ body: { properties: { isEnabled: true } } })
    expect((await stateOf(scene))?.steps[1]).toMatchObject({
      ...{ id: 'quiesce-source', status: 'undone' },
      detail: expect.stringMatching(/Schedules of east on again: 1\..*train/) as string,
    })
    const dormant = await scene.regions.memory.east.getObject(names.dormant)
    expect(dormant).toMatchObject(off)
  })

  it('goes on after a crash in the undoing', async () => {
    const scene = await diedAt('switchover', 'catch-up', 'step-ended')
    await demand(scene, { type: 'abort-requested', ...by })
    const crashed = await controller(scene, start('switchover'), {
      effect: { number: 0, when: 'after' },
    })
    expect(crashed.ended).toBe('died')
    await controller(scene, start('switchover'))
    expect(await stateOf(scene)).toMatchObject({ status: 'done', outcome: 'aborted' })
    expect(await scene.regions.memory.east.getObject(names.schedule)).toMatchObject({
      body: { properties: { isEnabled: true } },
    })
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

const first = (name: Name): string => stepsOf(name)[0] ?? ''

/** Jobs that were stopped stay stopped; that is said, not undone. */
function withoutJobs(world: unknown): unknown {
  const text = JSON.stringify(world, (key, value: unknown) =>
    key.startsWith('job/') ? undefined : value,
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
