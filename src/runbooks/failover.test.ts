import { beforeEach, describe, expect, it } from 'vitest'
import type { CapturedJob } from '../jobs/captured-job.ts'
import { HoldfastError } from '../model/errors.ts'
import { memoryEngine } from '../runbook/memory-engine.ts'
import type { FaultPoint } from '../runbook/perform.ts'
import { type Runbook, refuseNeedsOfFailedMember } from '../runbook/runbook.ts'
import { createRunner, runbookProcedures } from '../runbook/runner.ts'
import { failover } from './failover.ts'
import { reprotect } from './reprotect.ts'
import { clock, names } from './testing/regions.ts'
import {
  back,
  type Crash,
  controller,
  createScene,
  finalWorld,
  heldAt,
  type Scene,
  there,
} from './testing/scene.ts'
import { bindings } from './testing/worlds.ts'

describe('failover while the source is gone', () => {
  let scene: Scene
  beforeEach(async () => {
    scene = await createScene()
    scene.regions.east.disconnect()
  })

  it('moves everything to the target, and says what it could not fence', async () => {
    const { ended } = await controller(scene, there)
    expect(ended).toMatchObject({ state: { status: 'done', outcome: 'complete' } })
    const { west } = scene.regions.memory
    expect(await west.readMarker()).toMatchObject({ role: 'primary', epoch: 2 })
    expect(await west.getObject(names.coldModel)).toBeDefined()
    expect((await west.getObject(names.schedule))?.body.properties).toMatchObject({
      isEnabled: true,
    })
    expect((await west.getObject(names.dormant))?.body.properties).toMatchObject({
      isEnabled: false,
    })
    expect(await scene.regions.gateway.current()).toEqual({ member: 'west', epoch: 2 })
    expect(await scene.regions.config.current()).toEqual({ member: 'west', epoch: 2 })
    const jobs = new Map((await scene.records.jobs.rows('g')).map((row) => [row.job, row]))
    expect(jobs.get('train')).toMatchObject({
      resubmittedAs: 'train-e2',
      checkpoint: 'checkpoints/train/step-10.json',
    })
    expect(jobs.get('queued')).toMatchObject({ resubmittedAs: 'queued-e2', checkpoint: null })
    expect(jobs.get('unsaved')).toMatchObject({ resubmittedAs: null, decision: 'manual' })
    expect(jobs.has('finished')).toBe(false)
    expect(west.writes.filter((write) => write.epoch > 1).every((one) => one.epoch === 2)).toBe(
      true,
    )
    const report = await scene.records.reports.read('run')
    expect(report?.fence.exposure.join()).toContain('unreachable')
    expect(report?.recovery).toMatchObject({ rtaMs: 10_000, rpaMs: 30_000 })
    expect(report?.objects).toMatchObject({
      provenCount: 5,
      missing: [{ object: 'blob/workspaceblobstore/checkpoints%2Ftrain%2Fstep-11.json' }, {}],
      unknown: [{ object: 'data/half/1' }],
      conflict: [{ object: 'component/both/1' }],
      skipped: ['schedule/left-out'],
    })
  })

  it('decides about jobs that another controller notes until the epoch is raised, and not after (I6)', async () => {
    const { records } = scene
    await controller(scene, there, { at: { step: 'raise-epoch', point: 'intent' } })
    const capture = await records.jobs.readCapture('g', 'east')
    if (capture === undefined) throw new Error('the scene has open jobs')
    const [job] = capture.jobs as [CapturedJob]
    await records.jobs.saveCapture({
      ...capture,
      jobs: [...capture.jobs, { ...job, name: 'late' }],
    })
    await controller(scene, there)
    const rows = await records.jobs.rows('g')
    expect(rows.map((row) => row.job)).toContain('late')
    const later = records.jobs.saveCapture({ ...capture, jobs: [{ ...job, name: 'later' }] })
    await expect(later).rejects.toMatchObject({ code: 'epoch.stale' })
  })

  it('is over at once when everything is done already', async () => {
    await controller(scene, there)
    const { effects, ended } = await controller(scene, there)
    expect(effects).toEqual([])
    expect(ended).toMatchObject({ state: { status: 'done', outcome: 'complete' } })
  })

  it('stops before the first effect when the target is dead, and goes on when it is back', async () => {
    scene.regions.west.disconnect()
    const first = await controller(scene, there)
    expect(first.ended).toMatchObject({
      state: { status: 'failed', error: { code: 'failover.target-not-ready' } },
    })
    expect(await scene.records.epochs.current('g')).toMatchObject({ epoch: 1, primary: 'east' })
    expect(first.effects).toEqual([])
    scene.regions.west.heal()
    const second = await controller(scene, there)
    expect(second.ended).toMatchObject({ state: { status: 'done', outcome: 'complete' } })
  })

  it('begins again after a failure in the middle, in the same epoch and without doing twice', async () => {
    const heal = scene.regions.west.break({
      operations: ['submitJob'],
      error: () => new HoldfastError('workspace.unreachable', 'gone', { kind: 'transient' }),
    })
    const first = await controller(scene, there)
    expect(first.ended).toMatchObject({ state: { status: 'failed', step: 'resubmit-jobs' } })
    heal()
    const second = await controller(scene, there)
    expect(second.ended).toMatchObject({ state: { status: 'done', outcome: 'complete' } })
    expect(await scene.records.epochs.current('g')).toMatchObject({ epoch: 2 })
    expect(scene.regions.memory.west.startsOf('train-e2')).toBe(1)
  })

  it('takes a lost answer for unknown, looks, and finds the effect (I8)', async () => {
    scene.regions.west.loseAnswers(100)
    const { ended } = await controller(scene, there)
    expect(ended).toMatchObject({ state: { status: 'failed' } })
    for (let tries = 0; tries < 5; tries++) await controller(scene, there)
    scene.regions.west.heal()
    const last = await controller(scene, there)
    expect(last.ended).toMatchObject({ state: { status: 'done', outcome: 'complete' } })
    expect(scene.regions.memory.west.startsOf('train-e2')).toBe(1)
    expect(scene.regions.memory.west.startsOf('queued-e2')).toBe(1)
  })

  it('lets one of two concurrent failovers win and the other stop without an effect (I1)', async () => {
    const results = await Promise.all([
      controller(scene, { ...there, id: 'one' }),
      controller(scene, { ...there, id: 'two' }),
    ])
    const states = results.map(({ ended }) => (ended === 'died' ? ended : ended.state))
    expect(states.map((state) => (state === 'died' ? state : state.status)).sort()).toEqual([
      'done',
      'failed',
    ])
    const lost = results[states.findIndex((state) => state !== 'died' && state.status === 'failed')]
    expect(lost?.ended).toMatchObject({ state: { error: { code: 'epoch.stale' } } })
    expect(lost?.effects).toEqual([])
    expect(scene.regions.memory.west.startsOf('train-e2')).toBe(1)
  })

  it('is paused by a shutdown of its own controller only, and resumed by the next one', async () => {
    const { runner } = await heldAt(scene, 'create-cold')
    const bound = bindings(scene.records, scene.regions, {
      journal: scene.records.journal,
      now: clock,
    })
    const engine = memoryEngine({ procedures: runbookProcedures(bound) })
    const { journal } = scene.records
    await createRunner({ engine, journal, now: clock, bindings: bound }).stop()
    expect(await runner.read('run')).toMatchObject({ state: { status: 'running' } })
    await runner.stop()
    expect(await runner.read('run')).toMatchObject({ state: { status: 'paused' } })
    const { ended } = await controller(scene, there)
    expect(ended).toMatchObject({ state: { status: 'done', outcome: 'complete' } })
  })

  it('has no further effect once another failover overtook it (I1)', async () => {
    const { runner, goOn } = await heldAt(scene, 'create-cold')
    const change = { from: 'west', to: 'east', expected: 2, by: 'other', at: clock().toISOString() }
    await scene.records.epochs.begin('g', change)
    const { writes } = scene.regions.memory.west
    const before = writes.length
    goOn()
    expect(await runner.ended('run')).toMatchObject({
      state: { status: 'failed', error: { code: 'epoch.stale' } },
    })
    expect(writes).toHaveLength(before)
    expect(await scene.regions.gateway.current()).toEqual({ member: 'east', epoch: 1 })
  })

  it('is refused when the epoch is not the one its caller looked at', async () => {
    const { ended, effects } = await controller(scene, { ...there, expectedEpoch: 7 })
    expect(ended).toMatchObject({ state: { status: 'failed', error: { code: 'epoch.stale' } } })
    expect(effects).toEqual([])
  })

  it('names an endpoint that does not answer, and goes on', async () => {
    scene.regions.west.break({
      operations: ['invokeEndpoint'],
      error: () =>
        new HoldfastError('workspace.unreachable', 'no deployment', { kind: 'transient' }),
    })
    const { ended } = await controller(scene, there)
    expect(ended).toMatchObject({ state: { status: 'done', outcome: 'partial' } })
    const report = await scene.records.reports.read('run')
    expect(report).toMatchObject({ outcome: 'partial', endpoints: [{ answers: false }] })
  })

  it('ends between two steps when it is cancelled, and begins again where it was', async () => {
    const { runner, goOn } = await heldAt(scene, 'create-cold')
    expect(await runner.cancel('run', 'me')).toMatchObject({ state: { status: 'running' } })
    goOn()
    expect(await runner.ended('run')).toMatchObject({
      state: { status: 'done', outcome: 'cancelled' },
    })
    expect(await scene.regions.gateway.current()).toEqual({ member: 'east', epoch: 1 })
    const again = await controller(scene, there)
    expect(again.ended).toMatchObject({ state: { status: 'done', outcome: 'complete' } })
  })
})

describe('failover while the source still answers', () => {
  it('fences it: moved jobs cancelled, schedules off, no traffic, marked secondary', async () => {
    const scene = await createScene()
    await controller(scene, there)
    const { east } = scene.regions.memory
    const job = async (name: string) =>
      (await east.getObject({ kind: 'job', path: [name] }))?.body.properties
    expect(await job('train')).toMatchObject({ status: 'Canceled' })
    expect(await job('queued')).toMatchObject({ status: 'Canceled' })
    // Nobody resubmits it, so here is the only place where it can end.
    expect(await job('unsaved')).toMatchObject({ status: 'Running' })
    expect((await east.getObject(names.schedule))?.body.properties).toMatchObject({
      isEnabled: false,
    })
    expect((await east.getObject(names.endpoint))?.body.properties).toMatchObject({ traffic: {} })
    expect(await east.readMarker()).toMatchObject({ role: 'secondary', epoch: 2 })
    const report = await scene.records.reports.read('run')
    expect(report?.fence.exposure).toEqual([])
    expect(report?.fence.fenced).toEqual(['moved jobs', 'schedules', 'endpoint traffic', 'marker'])
  })

  it('records what of it could not be fenced, and goes on', async () => {
    const scene = await createScene()
    scene.regions.east.break({
      operations: ['putObject'],
      error: () => new HoldfastError('workspace.forbidden', 'no right', { kind: 'operator' }),
    })
    const { ended } = await controller(scene, there)
    expect(ended).toMatchObject({ state: { status: 'done', outcome: 'complete' } })
    const report = await scene.records.reports.read('run')
    expect(report?.fence.fenced).toEqual(['moved jobs', 'marker'])
    expect(report?.fence.exposure).toHaveLength(2)
  })
})

describe('re-protection', () => {
  it('fences before it copies, salvages, turns replication round and gives traffic back', async () => {
    const scene = await createScene()
    await controller(scene, there)
    const { ended } = await controller(scene, back)
    expect(ended).toMatchObject({ state: { status: 'done', outcome: 'complete' } })
    const { east, west } = scene.regions.memory
    expect(await west.getObject(names.late)).toBeDefined()
    expect((await east.getObject(names.endpoint))?.body.properties).toMatchObject({
      traffic: { blue: 100 },
    })
    expect(await scene.records.protection.read('g')).toMatchObject({ state: 'reversed', epoch: 2 })
    const report = await scene.records.reports.read('back')
    expect(report?.salvage).toMatchObject({
      salvaged: ['model/late/1'],
      conflicts: [{ object: 'component/both/1', isListed: false }],
    })
  })

  it('cancels stale copies before any other effect', async () => {
    const scene = await createScene()
    scene.regions.east.disconnect()
    await controller(scene, there)
    scene.regions.east.heal()
    const { effects } = await controller(scene, back)
    expect(effects.slice(0, 2)).toEqual(['east cancelJob', 'east cancelJob'])
    expect(effects.slice(2)).not.toContain('east cancelJob')
  })

  it('is refused while the old primary is silent', async () => {
    const scene = await createScene()
    scene.regions.east.disconnect()
    await controller(scene, there)
    const { ended } = await controller(scene, back)
    expect(ended).toMatchObject({
      state: { status: 'failed', error: { code: 'reprotect.member-silent', kind: 'operator' } },
    })
  })
})

describe('a crash at any point ends in the same world (I2)', () => {
  const points: FaultPoint[] = ['intent', 'effect', 'record']
  const both = async (crash: Crash, inRunbook: 'failover' | 'reprotect') => {
    const scene = await createScene()
    scene.regions.east.disconnect()
    const first = await controller(scene, there, inRunbook === 'failover' ? crash : {})
    if (first.ended === 'died') await controller(scene, there)
    scene.regions.east.heal()
    const second = await controller(scene, back, inRunbook === 'reprotect' ? crash : {})
    if (second.ended === 'died') await controller(scene, back)
    const died = [first.ended, second.ended].includes('died')
    return { world: await finalWorld(scene), died, effects: [first.effects, second.effects] }
  }

  describe.each([
    ['failover', failover as Runbook<never>],
    ['reprotect', reprotect as Runbook<never>],
  ] as const)('%s', (name, book) => {
    const cases = book.steps.flatMap(({ id }) => points.map((point) => [id, point] as const))
    it.each(cases)('%s, %s', async (step, point) => {
      const without = await both({}, name)
      const crashed = await both({ at: { step, point } }, name)
      expect(crashed.world).toEqual(without.world)
    })

    it('on either side of every single effect', async () => {
      const without = await both({}, name)
      const effects = without.effects[name === 'failover' ? 0 : 1] ?? []
      expect(effects.length).toBeGreaterThan(name === 'failover' ? 6 : 4)
      for (const number of effects.keys()) {
        for (const when of ['before', 'after'] as const) {
          const crashed = await both({ effect: { number, when } }, name)
          expect(crashed.died).toBe(true)
          expect(crashed.world).toEqual(without.world)
        }
      }
    })
  })

  it('really dies in every step that acts', async () => {
    for (const step of ['choose-point', 'raise-epoch', 'switch-traffic', 'resubmit-jobs']) {
      expect(await both({ at: { step, point: 'effect' } }, 'failover')).toMatchObject({
        died: true,
      })
    }
  })

  it('looks again at what a dead process recorded, because the world may have lost it (D8)', async () => {
    const scene = await createScene()
    scene.regions.east.disconnect()
    const first = await controller(scene, there, { at: { step: 'resubmit-jobs', point: 'intent' } })
    expect(first.ended).toBe('died')
    await scene.regions.memory.west.deleteObject(names.coldModel, { epoch: 2 })
    await controller(scene, there)
    expect(await scene.regions.memory.west.getObject(names.coldModel)).toBeDefined()
  })
})

describe('needs', () => {
  it('lets the failover run without the source, and refuses a runbook that needs it (D8)', () => {
    expect(() => refuseNeedsOfFailedMember(failover, 'source')).not.toThrow()
    const needing: Runbook<never> = {
      name: 'wrong',
      steps: [
        {
          id: 'ask-source',
          title: 'x',
          needs: [{ member: 'source', plane: 'arm' }],
          isDone: async () => ({ done: true, detail: '' }),
          act: async () => undefined,
        },
      ],
    }
    expect(() => refuseNeedsOfFailedMember(needing, 'source')).toThrowError(
      expect.objectContaining({ code: 'runbook.needs-failed-region', kind: 'operator' }),
    )
  })
})
