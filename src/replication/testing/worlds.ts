import fc from 'fast-check'
import type { PlannedAction } from '../../api/contract.ts'
import type { JsonObject } from '../../model/json.ts'
import type { ObjectId } from '../../model/object-id.ts'
import { defaultStrategies } from '../../plan/strategy-of.ts'
import { type MemoryWorkspace, memoryWorkspace } from '../../workspace/memory/memory-workspace.ts'
import { secretOf } from '../../workspace/secret.ts'
import type { Experiment, MetricValue, Run, Workspace } from '../../workspace/workspace.ts'
import { memoryDefinitions } from '../memory-definitions.ts'
import { memoryLedger } from '../memory-ledger.ts'
import type { ReplicationContext } from '../pass.ts'
import { armIdOf, nestedPipeline } from './nested-pipelines.ts'

/** Two members in memory and a clock that goes on by itself; no time passes that a test waits for. */
export interface Scene {
  readonly east: MemoryWorkspace
  readonly west: MemoryWorkspace
  readonly context: ReplicationContext
  readonly actions: PlannedAction[]
}

export function scene(overrides: Partial<ReplicationContext> = {}): Scene {
  let now = Date.parse('2026-01-01T00:00:00Z')
  const clock = () => {
    now += 1000
    return new Date(now)
  }
  const east = memoryWorkspace({ name: 'east', clock })
  const west = memoryWorkspace({ name: 'west', clock })
  const actions: PlannedAction[] = []
  const context: ReplicationContext = {
    group: 'g',
    plan: {
      apiVersion: 'holdfast/v1',
      group: 'g',
      folder: '/',
      objectives: { rtoMs: 1, rpoMs: 1 },
      members: [
        { name: 'east', workspace: '', role: 'primary', cloud: 'AzureCloud' },
        { name: 'west', workspace: '', role: 'secondary', cloud: 'AzureCloud' },
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
    source: east,
    target: west,
    ledger: memoryLedger(),
    definitions: memoryDefinitions(),
    epoch: 1,
    clock,
    onAction: (action) => actions.push(action),
    ...overrides,
  }
  return { east, west, context, actions }
}

/** What is written into a workspace, in this order. */
export type Content =
  | {
      readonly is: 'object'
      readonly id: ObjectId
      readonly body: JsonObject
      readonly secret?: string
    }
  | { readonly is: 'experiment'; readonly experiment: Experiment }
  | { readonly is: 'run'; readonly run: Run; readonly values: readonly MetricValue[] }
  | {
      readonly is: 'blob'
      readonly store: string
      readonly name: string
      readonly text: string
      readonly metadata: Readonly<Record<string, string>>
    }

export async function fill(workspace: Workspace, contents: readonly Content[]): Promise<void> {
  for (const content of contents) await put(workspace, content)
}

export async function put(workspace: Workspace, content: Content): Promise<void> {
  const options = { epoch: 1 }
  switch (content.is) {
    case 'object': {
      const { secret } = content
      const secrets = secret === undefined ? {} : { secrets: secretOf<JsonObject>({ key: secret }) }
      await workspace.putObject(content.id, content.body, { ...options, ...secrets })
      return
    }
    case 'experiment':
      return workspace.putExperiment(content.experiment, options)
    case 'run':
      await workspace.putRuns(content.run.experimentName, [content.run], options)
      return workspace.writeMetrics(content.run.runId, content.values, options)
    case 'blob': {
      const bytes = new TextEncoder().encode(content.text)
      await workspace.writeBlob(
        content.store,
        {
          name: content.name,
          sizeBytes: bytes.length,
          etag: '',
          modifiedAt: '',
          metadata: content.metadata,
        },
        new Blob([bytes]).stream(),
        options,
      )
      return
    }
    default:
      content satisfies never
  }
}

/** Names as people give them, and as nobody expects them. */
const assetName = fc.constantFrom('fraud', 'a-b', 'a.b', 'A_1', 'zz')
const text = fc.oneof(
  fc.constantFrom('', 'plain', 'a|b', 'Größe', '\u{1f680} up', '\uffee', 'null', 'a\tb'),
  fc.string({ unit: 'binary', maxLength: 8 }),
)
const blobName = fc
  .oneof(
    fc.constantFrom(
      'a',
      'a/b',
      'a b',
      'a%20b',
      'a+b',
      'é',
      '\u{1f680}',
      '\uffee',
      '\ue000',
      'A',
      '*',
    ),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 5 }),
  )
  .filter((name) => name.trim() !== '')
const version = fc.integer({ min: 1, max: 3 }).map(String)
const tags = fc.dictionary(fc.constantFrom('a', 'b', 'ö', '\u{1f680}'), text, { maxKeys: 2 })
const archived = fc.boolean()
const uri = fc
  .tuple(fc.boolean(), assetName)
  .map(([long, name]) =>
    long
      ? `azureml:/${armIdOf('east')}/datastores/workspaceblobstore/paths/${name}/`
      : `azureml://datastores/workspaceblobstore/paths/${name}/`,
  )

type Objects = Extract<Content, { is: 'object' }>
const object = (kind: ObjectId['kind'], path: readonly string[], body: JsonObject): Objects => ({
  is: 'object',
  id: { kind, path },
  body,
})

/** Bodies are made from their ids alone where the service keeps them from changing. */
const asset = fc
  .record({ name: assetName, version, tags, isArchived: archived, uri, container: archived })
  .chain(({ name, version: v, tags: labels, isArchived, uri: at, container }) =>
    fc.constantFrom<readonly Objects[]>(
      [
        object('data-container', [name], {
          properties: { dataType: 'uri_folder', tags: labels, isArchived: container },
        }),
        object('data', [name, v], {
          properties: { dataType: 'uri_folder', dataUri: at, isArchived },
        }),
      ],
      [
        object('model-container', [name], { properties: { description: 'm', tags: labels } }),
        object('model', [name, v], {
          properties: { modelUri: at, modelType: 'custom_model', tags: labels, isArchived },
        }),
      ],
      [
        object('environment-container', [name], {
          properties: { tags: labels, isArchived: container },
        }),
        object('environment', [name, v], { properties: { image: 'docker.io/x', tags: labels } }),
        object('component-container', [name], { properties: {} }),
        object('component', [name, v], {
          properties: {
            componentSpec: {
              type: 'command',
              environment: `azureml:${armIdOf('east')}/environments/${name}/versions/${v}`,
              command: `python train.py --data ${at}`,
            },
            isArchived,
          },
        }),
      ],
      [
        object('feature-entity-container', [name], { properties: { isArchived: container } }),
        object('feature-entity', [name, v], {
          properties: { indexColumns: [{ columnName: 'id' }], isArchived },
        }),
      ],
    ),
  )

const endpoint = fc
  .record({
    name: assetName,
    tags,
    traffic: fc.integer({ min: 0, max: 100 }),
    capacity: fc.integer({ min: 1, max: 3 }),
    secret: fc.uuid(),
    batch: fc.boolean(),
  })
  .map(({ name, tags: labels, traffic, capacity, secret, batch }): readonly Objects[] => {
    const model = object('model', [`m-${name}`, '1'], {
      properties: { modelUri: 'azureml://datastores/workspaceblobstore/paths/m/' },
    })
    const modelId = `${armIdOf('east')}/models/m-${name}/versions/1`
    if (batch)
      return [
        model,
        object('batch-endpoint', [name], {
          location: 'east',
          tags: labels,
          properties: { authMode: 'AADToken' },
        }),
        object('batch-deployment', [name, 'blue'], {
          location: 'east',
          properties: { model: { assetId: modelId, referenceType: 'Id' } },
        }),
        object('batch-endpoint', [name], {
          location: 'east',
          tags: labels,
          properties: { authMode: 'AADToken', defaults: { deploymentName: 'blue' } },
        }),
      ]
    const body = { location: 'east', tags: labels, properties: { authMode: 'Key' } }
    return [
      model,
      { ...object('online-endpoint', [name], body), secret },
      object('online-deployment', [name, 'blue'], {
        location: 'east',
        sku: { name: 'Default', capacity },
        properties: { endpointComputeType: 'Managed', model: modelId },
      }),
      object('online-endpoint', [name], {
        ...body,
        properties: { ...body.properties, traffic: { blue: traffic } },
      }),
    ]
  })

const other = fc
  .record({ name: assetName, secret: fc.uuid(), on: fc.boolean(), tags })
  .chain(({ name, secret, on, tags: labels }) =>
    fc.constantFrom<readonly Objects[]>(
      [
        {
          ...object('datastore', [`ds-${name}`], {
            properties: {
              datastoreType: 'AzureBlob',
              accountName: 'else',
              containerName: name,
              tags: labels,
              credentials: { credentialsType: 'AccountKey' },
            },
          }),
          secret,
        },
      ],
      [
        {
          ...object('connection', [name], {
            properties: { category: 'PythonFeed', target: 'https://feed.example', authType: 'PAT' },
          }),
          secret,
        },
      ],
      [
        object('compute', [name], {
          location: 'east',
          properties: { computeType: 'AmlCompute', properties: { vmSize: 'S' } },
          tags: labels,
        }),
      ],
      [
        object('schedule', [name], {
          properties: {
            isEnabled: on,
            displayName: name,
            trigger: { triggerType: 'Cron', expression: '* * * * *' },
            action: {
              actionType: 'CreateJob',
              jobDefinition: { jobType: 'Command', command: 'true' },
            },
          },
        }),
      ],
    ),
  )

const number = fc.constantFrom<number | string>(0, -0.5, 1e300, 'NaN', 'Infinity', '-Infinity')
const values = fc
  .array(
    fc.record({
      name: fc.constantFrom('loss', 'accüracy'),
      value: number,
      step: fc.nat({ max: 5 }),
      id: fc.uuid(),
    }),
    { maxLength: 4 },
  )
  .map((list): MetricValue[] =>
    list.map(({ name, value, step, id }) => ({
      name,
      schema: 'azureml.v1.scalar',
      metricId: id,
      createdUtc: '2026-01-01T00:00:00.1234567Z',
      step,
      data: { [name]: value },
    })),
  )

const run = fc
  .record({
    id: fc.nat({ max: 9 }),
    parent: fc.option(fc.nat({ max: 9 })),
    experiment: fc.constantFrom('exp', 'Öxp', '\u{1f680}'),
    status: fc.constantFrom('Completed', 'Failed', 'Running'),
    tags,
    values,
  })
  .map(
    ({ id, parent, experiment, status, tags: labels, values: series }): Content => ({
      is: 'run',
      // A run id belongs to one experiment for ever.
      run: {
        runId: `run-${experiment.codePointAt(0)}-${id}`,
        experimentName: experiment,
        status,
        modifiedAt: '',
        body: {
          runId: `run-${experiment.codePointAt(0)}-${id}`,
          ...(parent === null ? {} : { parentRunId: `run-${experiment.codePointAt(0)}-${parent}` }),
          startTimeUtc: '2026-01-01T00:00:00.1234567+00:00',
          tags: labels,
          properties: { path: `${armIdOf('east')}/datastores/workspaceblobstore` },
          displayName: `run ${id}`,
        },
      },
      values: series,
    }),
  )

const experiment = fc
  .record({
    name: fc.constantFrom('exp', 'Öxp', '\u{1f680}', 'none'),
    archived,
    tags,
    description: text,
  })
  .map((one): Content => ({ is: 'experiment', experiment: one }))

const blob = fc
  .record({
    store: fc.constantFrom('workspaceblobstore', 'workspaceartifactstore', 'container:code-1'),
    name: blobName,
    text,
    metadata: fc.dictionary(fc.constantFrom('a', 'b_1'), fc.constantFrom('', 'x', '1'), {
      maxKeys: 2,
    }),
  })
  .map((one): Content => ({ is: 'blob', ...one }))

export const anyContents: fc.Arbitrary<readonly Content[]> = fc
  .array(
    fc.oneof(
      asset,
      endpoint,
      other,
      run.map((one) => [one]),
      experiment.map((one) => [one]),
      nestedPipeline.map((one): Content[] => [{ is: 'object', ...one }]),
      { weight: 2, arbitrary: blob.map((one) => [one]) },
    ),
    { maxLength: 10 },
  )
  .map((lists) => lists.flat())

/** A name is written once with one payload: the service refuses another one under the same version. */
export async function fillTolerant(workspace: Workspace, contents: readonly Content[]) {
  for (const content of contents)
    await put(workspace, content).catch((error: { code?: string }) => {
      if (error.code !== 'object.immutable' && error.code !== 'run.immutable') throw error
    })
}

/** One content of each nature, told apart by one text. */
export const blobContent = (text: string): Content => ({
  is: 'blob',
  ...{ store: 'workspaceblobstore', name: 'a', text, metadata: {} },
})

export const modelContent = (tag: string, name = 'm'): Content => ({
  is: 'object',
  id: { kind: 'model', path: [name, '1'] },
  body: {
    properties: { modelUri: 'azureml://datastores/workspaceblobstore/paths/m/', tags: { tag } },
  },
})

export const runContent = (displayName: string): Content => ({
  is: 'run',
  run: {
    ...{ runId: 'r', experimentName: 'e', status: 'Completed', modifiedAt: '' },
    body: { displayName },
  },
  values: [],
})

export const experimentContent = (tag: string, name = 'e'): Content => ({
  is: 'experiment',
  experiment: { name, archived: false, tags: { tag } },
})
