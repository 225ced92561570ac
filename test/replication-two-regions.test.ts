import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PlannedAction } from '../src/api/contract.ts'
import type { JsonObject } from '../src/model/json.ts'
import type { Kind } from '../src/model/kinds.ts'
import { defaultStrategies } from '../src/plan/strategy-of.ts'
import { settled, startTestRegion, type TestRegion } from '../src/region/testing/test-region.ts'
import { memoryDefinitions } from '../src/replication/memory-definitions.ts'
import { memoryLedger } from '../src/replication/memory-ledger.ts'
import { memoryResolutions } from '../src/replication/memory-resolutions.ts'
import type { ReplicationContext } from '../src/replication/pass.ts'
import { replicate } from '../src/replication/replicate.ts'
import type { Keep } from '../src/replication/resolutions.ts'
import { applyImport, planImport } from '../src/specification/import-folder.ts'
import { openAzureMlWorkspace } from '../src/workspace/azureml/azureml-workspace.ts'
import { readOnly } from '../src/workspace/decorators/read-only.ts'
import { collect } from '../src/workspace/pages.ts'
import { secretOf } from '../src/workspace/secret.ts'
import type { MetricValue, Workspace, WorkspaceObject } from '../src/workspace/workspace.ts'

const regions = { east: 'eastus', west: 'westus' } as const
type Member = keyof typeof regions
const workspaceId = (member: Member) =>
  `/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-${member}/providers/Microsoft.MachineLearningServices/workspaces/ws-${member}`

interface Side {
  readonly region: TestRegion
  readonly workspace: Workspace
}

let folder: string
const sides: Partial<Record<Member, Side>> = {}
const side = (member: Member): Side => {
  const found = sides[member]
  if (found === undefined) throw new Error(`${member} is not started`)
  return found
}

async function start(member: Member): Promise<Side> {
  const region = await startTestRegion({ name: regions[member], caDir: join(folder, 'ca') })
  const id = workspaceId(member)
  const group = id.split('/').slice(0, 5).join('/')
  await region.call('PUT', `${group}?api-version=2022-09-01`, {
    body: { location: regions[member] },
  })
  const made = await region.call('PUT', `${id}?api-version=2025-12-01`, {
    body: { location: regions[member], identity: { type: 'SystemAssigned' }, properties: {} },
  })
  await settled(region.call, made)
  const workspace = await openAzureMlWorkspace({
    name: member,
    workspaceId: id,
    cloud: region.region.cloudFile,
    folder,
  })
  return { region, workspace }
}

const values: MetricValue[] = [0.5, 'NaN', 'Infinity', '-Infinity', 1e-300].map((value, step) => ({
  name: 'loss',
  schema: 'azureml.v1.scalar',
  metricId: `00000000-0000-4000-8000-00000000000${step}`,
  createdUtc: `2026-01-01T00:00:0${step}.0000000Z`,
  step,
  data: { loss: value },
}))

async function makeContent(workspace: Workspace): Promise<void> {
  const options = { submitJobs: false, jobName: () => 'job', epoch: 1, wrapSecret: secretOf }
  const plan = await planImport(workspace, resolve('sample'), options)
  expect(plan.failed).toEqual([])
  const result = await applyImport(workspace, plan, options)
  expect(result.failed).toEqual([])
  const run = (runId: string, parentRunId?: string) => ({
    runId,
    experimentName: 'fraud',
    status: 'Completed',
    modifiedAt: '',
    body: {
      runId,
      ...(parentRunId === undefined ? {} : { parentRunId }),
      displayName: `${runId} \u{1f680}`,
      startTimeUtc: '2026-01-01T00:00:00.1234567+00:00',
      endTimeUtc: '2026-01-01T00:01:00+00:00',
      tags: { who: 'ö' },
      properties: { data: `${workspaceId('east')}/datastores/workspaceblobstore` },
    },
  })
  await workspace.putRuns('fraud', [run('parent'), run('child', 'parent')], { epoch: 1 })
  await workspace.writeMetrics('child', values, { epoch: 1 })
}

const seriesAt = (member: Member) =>
  collect((page) => side(member).workspace.readMetrics('child', page))

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-two-'))
  sides.east = await start('east')
  sides.west = await start('west')
  await makeContent(side('east').workspace)
})

afterAll(async () => {
  for (const one of Object.values(sides)) {
    await one.workspace.close()
    await one.region.stop()
  }
  rmSync(folder, { recursive: true, force: true })
})

describe('replication between two regions', () => {
  const actions: PlannedAction[] = []
  const context = (): ReplicationContext => ({
    group: 'fraud-models',
    plan: {
      apiVersion: 'holdfast/v1',
      group: 'fraud-models',
      folder,
      objectives: { rtoMs: 1, rpoMs: 1 },
      members: [
        { name: 'east', workspace: workspaceId('east'), role: 'primary', cloud: '' },
        { name: 'west', workspace: workspaceId('west'), role: 'secondary', cloud: '' },
      ],
      strategies: defaultStrategies,
      conflicts: [],
      deletions: 'archive',
      map: {},
      endpoints: [],
      jobs: { resubmit: 'none' },
      decide: { automatic: false, graceMs: 1, cooldownMs: 1, vantagePoints: [] },
      notify: [],
      drill: { everyMs: 1, jobs: 'none', automatic: false, window: null },
    },
    source: side('east').workspace,
    target: side('west').workspace,
    ledger,
    definitions,
    epoch: 1,
    clock: () => new Date(),
    onAction: (action) => actions.push(action),
  })
  const ledger = memoryLedger()
  const definitions = memoryDefinitions()
  const direction = { group: 'fraud-models', source: 'east', target: 'west' }

  it('proves everything in the first pass', async () => {
    const result = await replicate(context())
    const rows = await ledger.rows(direction, { limit: 1000 })
    expect(rows.filter(({ state }) => state !== 'proven' && state !== 'skipped')).toEqual([])
    expect(result).toMatchObject({ outcome: 'complete', error: null })
    const kinds = new Set(rows.filter((row) => row.state === 'proven').map(({ kind }) => kind))
    for (const kind of [
      'datastore',
      'compute',
      'code',
      'environment',
      'data',
      'model',
      'component',
      'online-endpoint',
      'online-deployment',
      'schedule',
      'experiment',
      'run',
      'blob',
    ])
      expect(kinds, kind).toContain(kind)
  })

  it('holds the same metric values, not-a-number and infinities among them', async () => {
    const held = await seriesAt('west')
    expect(held.map(({ data }) => data.loss)).toEqual([0.5, 'NaN', 'Infinity', '-Infinity', 1e-300])
    const child = await side('west').workspace.getRun('child')
    expect(child?.body.parentRunId).toBe('parent')
    expect(JSON.stringify(child?.body.properties)).toContain('ws-west')
  })

  it('gives clients of an endpoint the same keys on both sides', async () => {
    const keys = async (member: Member) => {
      const { region, workspace } = side(member)
      const [endpoint] = await collect((page) => workspace.listObjects('online-endpoint', page))
      const path = `${workspaceId(member)}/onlineEndpoints/${endpoint?.id.path[0]}/listKeys?api-version=2025-12-01`
      const answer = await region.call('POST', path)
      expect(answer.status).toBe(200)
      return answer.body
    }
    expect(await keys('west')).toEqual(await keys('east'))
  })

  it('writes nothing in the second pass', async () => {
    actions.length = 0
    const target = readOnly(side('west').workspace)
    expect(await replicate({ ...context(), target })).toMatchObject({
      outcome: 'complete',
      created: 0,
      updated: 0,
      bytesCopied: 0,
    })
    expect(actions).toEqual([])
  })

  it('touches in the third pass only what changed', async () => {
    const { workspace } = side('east')
    const [model] = await collect((page) => workspace.listObjects('model', page))
    if (model === undefined) throw new Error('the sample has a model')
    const properties = model.body.properties as Record<string, string>
    await workspace.putObject(
      model.id,
      { properties: { ...properties, description: 'reviewed', tags: { stage: 'gold' } } },
      { epoch: 1 },
    )
    const bytes = new TextEncoder().encode('new')
    await workspace.writeBlob(
      'workspaceblobstore',
      {
        name: 'a b/\u{1f680}.txt',
        sizeBytes: 3,
        etag: '',
        modifiedAt: '',
        metadata: { who: 'me' },
      },
      new Blob([bytes]).stream(),
      { epoch: 1 },
    )
    const late = { ...values[0], metricId: '00000000-0000-4000-8000-000000000009', step: 9 }
    await workspace.writeMetrics('child', [late as MetricValue], { epoch: 1 })

    actions.length = 0
    expect(await replicate(context())).toMatchObject({
      outcome: 'complete',
      created: 1,
      updated: 2,
    })
    expect(actions.map(({ action, kind }) => `${action} ${kind}`).sort()).toEqual([
      'copy blob',
      'update model',
      'update run',
    ])
    expect(await seriesAt('west')).toHaveLength(6)
    expect(
      await side('west').workspace.getBlob('workspaceblobstore', 'a b/\u{1f680}.txt'),
    ).toMatchObject({ sizeBytes: 3, metadata: { who: 'me' } })
  })

  it('names logged models, which it does not copy (I8)', async () => {
    const { region } = side('east')
    const mlflow = `/mlflow/v1.0${workspaceId('east')}/api/2.0/mlflow`
    const found = await region.call(
      'GET',
      `${mlflow}/experiments/get-by-name?experiment_name=fraud`,
    )
    const { experiment } = found.body as { experiment: { experiment_id: string } }
    const { experiment_id } = experiment
    await region.call('POST', `${mlflow}/logged-models`, { body: { experiment_id, name: 'm' } })
    actions.length = 0
    const result = await replicate({ ...context(), full: true })
    expect(result).toMatchObject({ outcome: 'complete' })
    expect(actions).toMatchObject([
      { action: 'skip', object: 'not-protected/logged%20models%20of%20MLflow%203' },
    ])
  })

  describe('what both sides changed', () => {
    const first = async (member: Member, kind: Kind) => {
      const { workspace } = side(member)
      const [found] = await collect((page) => workspace.listObjects(kind, page))
      const whole = found && (await workspace.getObject(found.id))
      if (whole === undefined) throw new Error(`the sample has a ${kind}`)
      return whole
    }
    const properties = ({ body }: WorkspaceObject) => body.properties as JsonObject
    /** Of a model, a schedule that is off at the secondary, and a run; and a blob. */
    async function change(member: Member, text: string): Promise<void> {
      const { workspace } = side(member)
      for (const kind of ['model', 'schedule'] as const) {
        const { id, body } = await first(member, kind)
        const changed = { ...(body.properties as JsonObject), description: text }
        await workspace.putObject(id, { ...body, properties: changed }, { epoch: 1 })
      }
      const run = await workspace.getRun('parent')
      if (run === undefined) throw new Error('there is a run')
      const tagged = { ...run, body: { ...run.body, tags: { who: text } } }
      await workspace.putRuns('fraud', [tagged], { epoch: 1 })
      const bytes = new TextEncoder().encode(text)
      const blob = { name: 'both.txt', sizeBytes: bytes.length, etag: '', modifiedAt: '' }
      const content = new Blob([bytes]).stream()
      const store = 'workspaceblobstore'
      await workspace.writeBlob(store, { ...blob, metadata: {} }, content, { epoch: 1 })
    }
    async function held(member: Member): Promise<unknown[]> {
      const { workspace } = side(member)
      const [model, schedule] = [await first(member, 'model'), await first(member, 'schedule')]
      const run = await workspace.getRun('parent')
      const blob = await workspace.readBlob('workspaceblobstore', 'both.txt')
      return [
        ...[properties(model).description, properties(schedule).description],
        ...[run?.body.tags, await new Response(blob).text()],
      ]
    }
    const resolutions = memoryResolutions()
    const decided = () => ({ ...context(), resolutions })
    async function decide(keep: Keep): Promise<string[]> {
      const rows = await ledger.rows(direction, { state: 'conflict', limit: 10 })
      for (const { object, sourceDigest, targetDigest } of rows)
        await resolutions.resolve(direction, {
          ...{ object, keep, sourceDigest, targetDigest },
          at: new Date().toISOString(),
        })
      return rows.map(({ kind }) => kind)
    }

    it('is written to the primary where the content of the secondary was decided to stand (I3, I5)', async () => {
      await change('east', 'first')
      expect(await replicate(decided())).toMatchObject({ outcome: 'complete' })
      await change('east', 'of east')
      await change('west', 'of west')
      expect(await replicate(decided())).toMatchObject({ conflicts: 4 })
      expect(await decide('target')).toEqual(['blob', 'model', 'run', 'schedule'])
      expect(await replicate(decided())).toMatchObject({
        ...{ outcome: 'complete', conflicts: 0, failed: 0, updated: 4 },
      })
      for (const member of ['east', 'west'] as const)
        expect(await held(member)).toEqual(['of west', 'of west', { who: 'of west' }, 'of west'])
      const on = [await first('east', 'schedule'), await first('west', 'schedule')].map(
        (one) => properties(one).isEnabled,
      )
      expect(on).toEqual([true, false])
      const kept = await resolutions.kept(direction)
      expect(kept.map(({ side: of }) => of)).toEqual(['source', 'source', 'source', 'source'])
      actions.length = 0
      expect(await replicate({ ...decided(), full: true })).toMatchObject({ outcome: 'complete' })
      expect(actions.filter(({ kind }) => kind !== 'not-protected')).toEqual([])
    })

    it('stays in conflict, with the reason, where the service refuses the change (I8)', async () => {
      for (const member of ['east', 'west'] as const)
        await side(member).workspace.putObject(
          { kind: 'model', path: ['both', '1'] },
          { properties: { modelUri: `azureml://datastores/workspaceblobstore/paths/${member}/` } },
          { epoch: 1 },
        )
      await replicate(decided())
      for (const keep of ['source', 'target'] as const) {
        expect(await decide(keep)).toEqual(['model'])
        expect(await replicate(decided())).toMatchObject({ outcome: 'partial', conflicts: 1 })
        const [row] = await ledger.rows(direction, { state: 'conflict', limit: 10 })
        expect(row?.error?.message).toContain('properties.modelUri')
        expect(await resolutions.kept(direction, 'model/both/1')).toEqual([])
      }
      await decide('both')
      expect(await replicate(decided())).toMatchObject({ outcome: 'complete', conflicts: 0 })
    })
  })
})
