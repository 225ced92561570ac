import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { HoldfastError } from '../model/errors.ts'
import type { JsonObject } from '../model/json.ts'
import type { ObjectId } from '../model/object-id.ts'
import { type Database, migrate, openDatabase } from '../store/database.ts'
import { memoryWorkspace } from '../workspace/memory/memory-workspace.ts'
import type { WorkspaceObject } from '../workspace/workspace.ts'
import { captureOpenJobs } from './capture.ts'
import type { CapturedJob, DecidedJob } from './captured-job.ts'
import { checkpointPlace } from './checkpoint-place.ts'
import { decide, type JobPolicy } from './decide.ts'
import { type JobState, jobPhase, jobStates } from './job-state.ts'
import { type JobStore, memoryJobStore } from './job-store.ts'
import { openJobsIn } from './open-jobs.ts'
import { jobMigrations, postgresJobStore } from './postgres-job-store.ts'
import { decideRestarts } from './restart.ts'
import { decideJobs, missingSuccessors, resubmitJobs } from './resubmit.ts'
import { cancelStaleCopies, openStaleCopies } from './stale-copies.ts'

const at = '2026-01-01T00:00:00.000Z'
const now = () => new Date('2026-01-01T00:01:00.000Z')
const begun = { progress: null }
const checkpoints = { store: 'workspaceblobstore', prefix: 'checkpoints/train/' }

function captured(changes: Partial<CapturedJob> = {}): CapturedJob {
  return {
    name: 'train',
    state: 'Running',
    stateSince: at,
    capturedAt: at,
    body: { properties: { jobType: 'Command', tags: { mine: 'yes' } } },
    home: { properties: { jobType: 'Command', compute: 'at-home' } },
    obstacles: [],
    checkpoints,
    ...changes,
  }
}

/** A job service of which only what these functions use exists. */
/** The member whose vault keeps what jobs hold that is secret. */
const keeper = memoryWorkspace({ name: 'west' })

function jobService(seed: Record<string, string> = {}) {
  const jobs = new Map(
    Object.entries(seed).map(([name, status]) => [
      name,
      { properties: { jobType: 'Command', status } as JsonObject } as JsonObject,
    ]),
  )
  const submissions: string[] = []
  const cancelled: string[] = []
  const toObject = (name: string): WorkspaceObject | undefined => {
    const body = jobs.get(name)
    return body === undefined ? undefined : { id: { kind: 'job', path: [name] }, body }
  }
  return {
    ...keeper,
    name: 'east',
    jobs,
    submissions,
    cancelled,
    getObject: async (id: ObjectId) => toObject(id.path[0] ?? ''),
    listObjects: async (_kind: string, options: { cursor?: string } = {}) => {
      const all = [...jobs.keys()].flatMap((name) => toObject(name) ?? [])
      const start = Number(options.cursor ?? 0)
      const items = all.slice(start, start + 2)
      return start + 2 < all.length ? { items, cursor: String(start + 2) } : { items }
    },
    submitJob: async (name: string, body: JsonObject) => {
      const existing = toObject(name)
      if (existing !== undefined) return existing
      submissions.push(name)
      jobs.set(name, body)
      return { id: { kind: 'job', path: [name] } as const, body }
    },
    completedSteps: async () => [],
    cancelJob: async (name: string) => {
      cancelled.push(name)
      jobs.set(name, { properties: { status: 'Canceled' } })
    },
  }
}
/** Without the vault. */
const jobsOf = ({
  readSealingKey: _read,
  makeSealingKey: _make,
  ...service
}: ReturnType<typeof jobService>) => service
const status = (state: string): JsonObject => ({
  properties: { jobType: 'Command', status: state },
})
const relocate = (_id: ObjectId, body: JsonObject) => ({ body, rewritten: [], unresolved: [] })

describe('deciding what becomes of a job', () => {
  type Row = readonly [withCheckpoint: string, without: string, all: string, none: string]
  const open: Row = ['resubmit', 'resubmit', 'resubmit', 'leave']
  const started: Row = ['resubmit', 'manual', 'resubmit', 'leave']
  const ending: Row = ['leave', 'leave', 'leave', 'leave']
  const finished: Row = ['finished', 'finished', 'finished', 'finished']
  const uncertain: Row = ['manual', 'manual', 'manual', 'leave']
  const table: Record<JobState, Row> = {
    NotStarted: open,
    Starting: open,
    Provisioning: open,
    Preparing: open,
    Queued: open,
    Running: started,
    Finalizing: started,
    Paused: started,
    NotResponding: uncertain,
    Unknown: uncertain,
    CancelRequested: ending,
    Completed: finished,
    Failed: finished,
    Canceled: finished,
  }
  const policy = (resubmit: JobPolicy['resubmit']): JobPolicy => ({ resubmit, holdMs: 600_000 })
  it.each(Object.entries(table))('%s', (state, [withCheckpoint, without, all, none]) => {
    const job = captured({ state })
    const with_ = (resubmit: JobPolicy['resubmit'], checkpoint: string | null) =>
      decide(job, policy(resubmit), { checkpoint, ...begun }, now()).decision
    expect(with_('checkpointed', 'c/1')).toBe(withCheckpoint)
    expect(with_('checkpointed', null)).toBe(without)
    expect(with_('all', null)).toBe(all)
    expect(with_('none', 'c/1')).toBe(none)
  })

  it('knows all 14 states, and takes a new one for uncertain rather than finished', () => {
    expect(jobStates).toHaveLength(14)
    expect(jobPhase('Hibernating')).toBe('uncertain')
    expect(jobPhase('constructor')).toBe('uncertain')
  })

  it('believes an uncertain job lost after the hold', () => {
    const job = captured({ state: 'NotResponding' })
    const later = new Date(Date.parse(at) + 600_000)
    expect(
      decide(job, policy('checkpointed'), { checkpoint: 'c/1', ...begun }, later).decision,
    ).toBe('resubmit')
  })

  it('asks a human when the specification cannot run over there', () => {
    const job = captured({
      obstacles: [{ path: 'properties.computeId', reason: 'no counterpart' }],
    })
    const decision = decide(job, policy('all'), { checkpoint: 'c/1', ...begun }, now())
    expect(decision.decision).toBe('manual')
    expect(decision.reason).toContain('properties.computeId')
  })
})

describe('where checkpoints are', () => {
  const body = (uri: unknown) =>
    ({ properties: { outputs: { checkpoints: { uri } } } }) as unknown as JsonObject
  it.each([
    ['azureml://datastores/workspaceblobstore/paths/checkpoints/train/', 'checkpoints/train/'],
    ['azureml://datastores/workspaceblobstore/paths/checkpoints/train', 'checkpoints/train/'],
    [
      'azureml://subscriptions/s/resourcegroups/r/workspaces/w/datastores/workspaceblobstore/paths/a/b/',
      'a/b/',
    ],
    ['azureml://datastores/mine/paths/a/', undefined],
    ['https://account.blob.core.windows.net/c/a', undefined],
    [undefined, undefined],
    [42, undefined],
  ])('%s', (uri, prefix) => {
    const expected = prefix === undefined ? null : { store: 'workspaceblobstore', prefix }
    expect(checkpointPlace(body(uri))).toEqual(expected)
  })
})

describe('capturing', () => {
  it('notes open jobs over all pages, and since when they are in their state', async () => {
    const store = memoryJobStore()
    const states: Record<string, string> = Object.fromEntries(
      jobStates.map((state) => [`job-${state}`, state]),
    )
    const source = jobService(states)
    const capture = (at: string) =>
      captureOpenJobs({
        group: 'g',
        source,
        target: keeper,
        store,
        epoch: 1,
        relocate,
        now: () => new Date(at),
      })
    const first = await capture(at)
    expect(first.jobs.map((job) => job.state).sort()).toEqual(
      jobStates.filter((state) => !['Completed', 'Failed', 'Canceled'].includes(state)).sort(),
    )
    source.jobs.set('job-Queued', { properties: { status: 'Running' } })
    source.jobs.set('job-Paused', { properties: { status: 'Failed' } })
    const later = '2026-01-01T00:10:00.000Z'
    const second = await capture(later)
    const since = new Map(second.jobs.map((job) => [job.name, job.stateSince]))
    expect(since.get('job-Queued')).toBe(later)
    expect(since.get('job-Running')).toBe(at)
    expect(since.has('job-Paused')).toBe(false)
  })

  it('keeps what a planned move has stopped, and lets go what ended by itself first (I6)', async () => {
    const source = jobService({ train: 'Running', other: 'Running', mine: 'Running' })
    for (const store of [memoryJobStore(), postgresJobStore(database)]) {
      const capture = (epoch: number) =>
        captureOpenJobs({ group: 'stopped', source, target: keeper, store, epoch, relocate, now })
      for (const name of ['train', 'other', 'mine']) source.jobs.set(name, status('Running'))
      await capture(1)
      await store.markStopped('stopped', 'east', ['train', 'other'])
      source.jobs.set('train', status('Canceled'))
      source.jobs.set('other', status('Completed'))
      const { jobs } = await capture(1)
      expect(jobs.map(({ name, state, stopped }) => [name, state, stopped])).toEqual([
        ['train', 'Running', true],
        ['mine', 'Running', undefined],
      ])
      // The group has moved since: what was stopped then runs elsewhere.
      expect((await capture(2)).jobs.map(({ name }) => name)).toEqual(['mine'])
    }
  })

  it('leaves steps and trials to the job they belong to (I6)', async () => {
    const source = jobService()
    const running = (properties: JsonObject) => ({ properties: { status: 'Running', properties } })
    source.jobs.set('pipeline', running({}))
    source.jobs.set('pipeline_step', running({ 'azureml.pipelinerunid': 'pipeline' }))
    source.jobs.set('sweep_0', running({ 'azureml.parentRunId': 'sweep' }))
    const store = memoryJobStore()
    const { jobs } = await captureOpenJobs({
      group: 'g',
      source,
      target: keeper,
      store,
      epoch: 1,
      relocate,
      now,
    })
    expect(jobs.map((job) => job.name)).toEqual(['pipeline'])
  })

  it('stores no credential, and says what is missing for it (I9)', async () => {
    const source = jobService()
    const secret = 'hunter2hunter2'
    source.jobs.set('train', {
      properties: {
        status: 'Running',
        inputs: { data: { uri: `https://a.blob.core.windows.net/c/b?sv=1&sig=${secret}` } },
        environmentVariables: { DB: `postgresql://me:${secret}@host/db`, PLAIN: 'x' },
      },
    })
    const store = memoryJobStore()
    await captureOpenJobs({ group: 'g', source, target: keeper, store, epoch: 1, relocate, now })
    const capture = await store.readCapture('g', 'east')
    expect(JSON.stringify(capture)).not.toContain(secret)
    expect(capture?.jobs[0]?.obstacles.map((one) => one.path)).toEqual([
      'properties.inputs.data.uri',
    ])
  })

  it('keeps environment variables sealed, and hands a job in with them as they were (I9)', async () => {
    const source = { ...memoryWorkspace({ name: 'east' }), ...jobsOf(jobService()) }
    const environmentVariables = { TOKEN: 'hunter2hunter2', EPOCHS: '10' }
    const properties = { status: 'Running', jobType: 'Command', environmentVariables }
    source.jobs.set('train', { properties })
    const store = memoryJobStore()
    await captureOpenJobs({ group: 'g', source, target: keeper, store, epoch: 1, relocate, now })
    expect(JSON.stringify(await store.readCapture('g', 'east'))).not.toMatch(/hunter2|"10"/)
    const policy = { resubmit: 'all', holdMs: 0 } as const
    const proven = { point: null, newest: async () => null }
    const common = { run: 'r', group: 'g', source: 'east', target: 'west', epoch: 2, store, now }
    await decideJobs({ ...common, policy, proven })
    expect(JSON.stringify(await store.readDecisions('r'))).not.toContain('hunter2')
    const target = jobService()
    await resubmitJobs({ ...common, target })
    expect(target.jobs.get('train-e2')).toMatchObject({ properties: { environmentVariables } })
    // And back again, sealed under the key of the other vault, before anybody has looked there.
    source.jobs.set('train', status('Canceled'))
    const back = { ...common, run: 'back', source: 'west', target: 'east', epoch: 3 }
    await decideJobs({ ...back, policy, proven })
    await resubmitJobs({ ...back, target: source })
    expect(source.jobs.get('train-e3')).toMatchObject({ properties: { environmentVariables } })
  })

  it('names a job to a human when the vault lets nobody keep a key (I9)', async () => {
    const source = jobService()
    const environmentVariables = { TOKEN: 'hunter2hunter2' }
    source.jobs.set('train', { properties: { status: 'Running', environmentVariables } })
    const readSealingKey = async () => {
      throw new HoldfastError('workspace.forbidden', 'no', { kind: 'operator' })
    }
    const store = memoryJobStore()
    const target = { ...keeper, readSealingKey }
    await captureOpenJobs({ group: 'g', source, target, store, epoch: 1, relocate, now })
    const [job] = (await store.readCapture('g', 'east'))?.jobs ?? []
    expect(job?.obstacles.map(({ path }) => path)).toEqual([
      'properties.environmentVariables.TOKEN',
    ])
    expect(JSON.stringify(job)).not.toContain('hunter2')
  })

  it('fixes the own name in the address of checkpoints, for a successor of another name', async () => {
    const source = jobService()
    const uri = `azureml://datastores/workspaceblobstore/paths/checkpoints/$${'{{name}}'}/`
    source.jobs.set('train', {
      properties: { status: 'Running', outputs: { checkpoints: { uri } } },
    })
    const store = memoryJobStore()
    const { jobs } = await captureOpenJobs({
      group: 'g',
      source,
      target: keeper,
      store,
      epoch: 1,
      relocate,
      now,
    })
    expect(jobs[0]?.checkpoints).toEqual(checkpoints)
  })
})

const folder = mkdtempSync(join(tmpdir(), 'holdfast-jobs-'))
let database: Database
beforeAll(async () => {
  database = await openDatabase({ stateDir: folder })
  await migrate(database, jobMigrations)
})
afterAll(async () => {
  await database.close()
  rmSync(folder, { recursive: true })
})

const stores: [string, () => JobStore][] = [
  ['memory', memoryJobStore],
  ['postgres', () => postgresJobStore(database)],
]
describe.each(stores)('jobs in %s', (name, create) => {
  let store: JobStore
  beforeAll(() => {
    store = create()
  })
  const decideAll = (run: string, group: string, epoch = 2) =>
    decideJobs({
      run,
      group,
      source: 'east',
      target: 'west',
      epoch,
      store,
      policy: { resubmit: 'checkpointed', holdMs: 1 },
      proven: { point: null, newest: async (place) => `${place.prefix}step-7.json` },
      now,
    })
  const save = (group: string, jobs: readonly CapturedJob[], epoch = 1) =>
    store.saveCapture({ group, source: 'east', epoch, at, jobs })

  it('replaces a capture, and refuses one of an epoch that has passed (I1)', async () => {
    await save('capture', [captured()], 3)
    await save('capture', [captured({ name: 'other' })], 3)
    expect((await store.readCapture('capture', 'east'))?.jobs).toEqual([
      captured({ name: 'other' }),
    ])
    await expect(save('capture', [captured()], 2)).rejects.toMatchObject({ code: 'epoch.stale' })
    expect(await store.readCapture('capture', 'west')).toBeUndefined()
  })

  it('submits each job exactly once under repeated and concurrent runs (I2, I6)', async () => {
    await save('once', [
      captured(),
      captured({ name: 'queued', state: 'Queued', checkpoints: null }),
    ])
    const run = `${name}-once`
    const target = jobService()
    const context = { run, epoch: 2, target, store, now }
    await Promise.all([decideAll(run, 'once'), decideAll(run, 'once')])
    await Promise.all([1, 2, 3, 4].map(() => resubmitJobs(context)))
    await resubmitJobs(context)
    expect([...target.submissions].sort()).toEqual(['queued-e2', 'train-e2'])
    expect(await missingSuccessors(context)).toEqual([])
    const tags = target.jobs.get('train-e2')?.properties as JsonObject
    expect(tags.tags).toEqual({
      mine: 'yes',
      'holdfast.origin': 'train',
      'holdfast.epoch': '2',
      'holdfast.checkpoint': 'checkpoints/train/step-7.json',
    })
    expect(await store.rows('once')).toMatchObject([
      { job: 'train', resubmittedAs: 'train-e2', decision: 'resubmit', epoch: 2 },
      { job: 'queued', resubmittedAs: 'queued-e2', checkpoint: null },
    ])
  })

  it('keeps the first decisions of a run, whatever is captured afterwards (I2)', async () => {
    await save('first', [captured()])
    const first = await decideAll(`${name}-first`, 'first')
    await save('first', [captured({ state: 'Canceled' })], 2)
    expect(await decideAll(`${name}-first`, 'first')).toEqual(first)
  })

  it('takes no capture any more that was begun before jobs were decided about (I6)', async () => {
    for (const captures of [[captured()], []]) {
      const group = `closed-${captures.length}`
      if (captures.length > 0) await save(group, captures)
      const { jobs } = await decideAll(`${name}-${group}`, group)
      expect(jobs).toHaveLength(captures.length)
      const late = save(group, [captured(), captured({ name: 'late' })])
      await expect(late).rejects.toMatchObject({ code: 'epoch.stale' })
      // The group comes back to this member.
      await save(group, [captured({ name: 'later' })], 3)
      expect((await store.readCapture(group, 'east'))?.epoch).toBe(3)
    }
  })

  it('knows what a move that was given up has handed in again in place of what it stopped (I6)', async () => {
    const group = `${name}-restart`
    await save(group, [captured(), captured({ name: 'other' })], 2)
    const run = `${group}-run`
    const source = { ...jobService({ train: 'Canceled', other: 'Completed' }), name: 'east' }
    const { jobs, restart } = await decideRestarts({
      ...{ run, group, source, epoch: 2, stopped: ['train', 'other'], store, now },
      policy: { resubmit: 'checkpointed', holdMs: 0 },
      standing: { point: at, newest: async () => 'checkpoints/train/9' },
      signal: new AbortController().signal,
    })
    expect(restart).toBe(true)
    expect((await store.decisionsFrom(group, 'east')).map((each) => each.restart)).toEqual([true])
    expect(jobs.map(({ decision, newName }) => [decision, newName])).toEqual([
      ['resubmit', 'train-e2-r1'],
      ['finished', null],
    ])
    const open = await openJobsIn(store, group, { leader: 'east', other: 'west', epoch: 2 })
    expect(open.jobs.map((job) => [job.name, job.resumedFrom])).toEqual([
      ['train-e2-r1', 'checkpoints/train/9'],
      ['other', undefined],
    ])
    // As it belongs at the other side, whichever side it was written for first.
    expect(open.jobs[0]?.home).toMatchObject({ properties: { compute: 'at-home' } })
    expect(open.jobs[0]?.body).toMatchObject({ properties: { tags: { mine: 'yes' } } })
  })

  it('takes what an earlier epoch knew of a member for decided (I6)', async () => {
    await save('stint', [captured()], 1)
    expect((await decideAll(`${name}-stint`, 'stint', 4)).jobs).toEqual([])
  })

  it('submits again what the ledger says was submitted and the target does not know (D8)', async () => {
    const run = `${name}-lost`
    await save('lost', [captured()])
    await decideAll(run, 'lost')
    await store.markResubmitted(run, 'train', at)
    const target = jobService()
    expect(await missingSuccessors({ run, epoch: 2, target, store, now })).toEqual(['train'])
    await resubmitJobs({ run, epoch: 2, target, store, now })
    expect(target.submissions).toEqual(['train-e2'])
  })

  it('leaves a job that the target refuses for good to a human, and goes on with the others', async () => {
    const run = `${name}-refused`
    await save('refused', [captured({ name: 'bad' }), captured({ name: 'good' })])
    await decideAll(run, 'refused')
    const target = jobService()
    const picky = {
      ...target,
      submitJob: async (job: string, body: JsonObject) => {
        if (job.startsWith('bad')) throw new HoldfastError('object.invalid', 'no such compute')
        return target.submitJob(job, body)
      },
    }
    await resubmitJobs({ run, epoch: 2, target: picky, store, now })
    expect(await store.rows('refused')).toMatchObject([
      { job: 'bad', decision: 'manual', resubmittedAs: null },
      { job: 'good', decision: 'resubmit', resubmittedAs: 'good-e2' },
    ])
  })

  it('stops, to be resumed, when the target does not answer', async () => {
    const run = `${name}-down`
    await save('down', [captured()])
    await decideAll(run, 'down')
    const target = {
      ...jobService(),
      submitJob: async () => {
        throw new HoldfastError('workspace.unreachable', 'down', { kind: 'transient' })
      },
    }
    await expect(resubmitJobs({ run, epoch: 2, target, store, now })).rejects.toMatchObject({
      code: 'workspace.unreachable',
    })
  })

  it('names a job that moves twice after its origin', async () => {
    const body = { properties: { tags: { 'holdfast.origin': 'train' } } }
    await save('twice', [captured({ name: 'train-e2', body })], 2)
    const { jobs } = await decideAll(`${name}-twice`, 'twice', 3)
    expect(jobs[0]).toMatchObject({
      job: 'train-e2',
      newName: 'train-e3',
    } satisfies Partial<DecidedJob>)
  })

  describe('a move back before anybody has looked at the jobs over there', () => {
    const moved = async (group: string) => {
      await save(group, [captured()])
      const target = { ...jobService(), name: 'west' }
      await decideAll(`${name}-${group}`, group)
      await resubmitJobs({ run: `${name}-${group}`, epoch: 2, target, store, now })
      const back = { run: `${name}-${group}-back`, epoch: 3, store, now }
      await decideJobs({
        ...{ ...back, group, source: 'west', target: 'east' },
        policy: { resubmit: 'checkpointed', holdMs: 1 },
        proven: { point: null, newest: async () => null },
      })
      return back
    }

    it('takes the jobs along that the first one handed in, as they are at home (I6)', async () => {
      const back = await moved('back')
      const home = jobService({ train: 'Canceled' })
      await resubmitJobs({ ...back, target: home })
      expect(home.submissions).toEqual(['train-e3'])
      expect(home.jobs.get('train-e3')?.properties).toEqual({
        ...{ jobType: 'Command', compute: 'at-home' },
        tags: {
          'holdfast.origin': 'train',
          'holdfast.epoch': '3',
          'holdfast.checkpoint': 'checkpoints/train/step-7.json',
        },
      })
    })

    it('leaves one alone that never stopped there (I6)', async () => {
      const back = await moved('goes-on')
      const home = jobService({ train: 'Running' })
      await resubmitJobs({ ...back, target: home })
      expect(home.submissions).toEqual([])
      expect(await missingSuccessors({ ...back, target: home })).toEqual([])
      const [row] = await store.rows('goes-on')
      expect(row).toMatchObject({ job: 'train-e2', decision: 'leave', resubmittedAs: null })
    })
  })

  it('cancels the copies of moved jobs where they came from, and no other job', async () => {
    const run = `${name}-stale`
    await save('stale', [
      captured(),
      captured({ name: 'done' }),
      captured({ name: 'stays', checkpoints: null }),
    ])
    await decideAll(run, 'stale')
    const member = jobService({ train: 'Running', done: 'Completed', stays: 'Running' })
    const decisions = await store.decisionsFrom('stale', 'east')
    const context = { member, decisions, epoch: 2 }
    expect(await openStaleCopies(context)).toEqual(['train'])
    expect(await cancelStaleCopies(context)).toBe(1)
    expect(await cancelStaleCopies(context)).toBe(0)
    expect(member.cancelled).toEqual(['train'])
    expect(await store.decisionsFrom('stale', 'west')).toEqual([])
  })

  it('cancels the successor of a job that never stopped where the group came back to (I6)', async () => {
    const run = `${name}-came-back`
    await save('came-back', [captured(), captured({ name: 'ended' })])
    await decideAll(run, 'came-back')
    for (const job of ['train', 'ended']) await store.markResubmitted(run, job, at)
    const to = jobService({ train: 'Running', ended: 'Canceled' })
    const member = jobService({ 'train-e2': 'Running', 'ended-e2': 'Running' })
    const decisions = await store.decisionsFrom('came-back', 'east')
    const context = { member, decisions: [], cameBack: { to, decisions }, epoch: 3 }
    expect(await cancelStaleCopies(context)).toBe(1)
    expect(member.cancelled).toEqual(['train-e2'])
  })
})

describe('credentials', () => {
  it('never survive a capture, at whatever depth of a specification', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 4 }), fc.uuid(), async (shape, secret) => {
        const source = jobService()
        const bury = (value: unknown): unknown => {
          if (Array.isArray(value)) return value.map(bury)
          if (typeof value === 'object' && value !== null) {
            return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, bury(v)]))
          }
          return `https://x/?a=b&sig=${secret}`
        }
        source.jobs.set('j', { properties: { status: 'Running', x: bury(shape) as JsonObject } })
        const store = memoryJobStore()
        await captureOpenJobs({
          group: 'g',
          source,
          target: keeper,
          store,
          epoch: 1,
          relocate,
          now,
        })
        expect(JSON.stringify(await store.readCapture('g', 'east'))).not.toContain(secret)
      }),
      { numRuns: 50 },
    )
  })
})
