import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Json, JsonObject } from './json.ts'
import type { NameMap } from './move.ts'
import type { ObjectId } from './object-id.ts'
import type { Place } from './place.ts'
import { invertMap, relocateObject } from './relocate.ts'
import { azurePlace, localPlace, workspaceArmId } from './testing/places.ts'

const east = azurePlace('east')
const west = azurePlace('west')
const map: NameMap = { compute: { 'gpu-east': 'gpu-west' }, datastore: { ds_east: 'ds_west' } }
const job: ObjectId = { kind: 'job', path: ['j1'] }

function move(value: Json, from: Place = east, to: Place = west, id = job) {
  return relocateObject(id, { properties: { field: value } }, from, to, map)
}
function moved(value: string, from: Place = east, to: Place = west) {
  const result = move(value, from, to)
  return (result.body.properties as JsonObject).field
}

/** A text in every known form, written for a place. */
const forms: Record<string, (p: Place) => string> = {
  armId: (p) => `${workspaceArmId(p)}/models/fraud/versions/3`,
  workspaceId: workspaceArmId,
  lowerCase: (p) =>
    `/subscriptions/${p.subscriptionId}/resourcegroups/${p.resourceGroup}/providers/microsoft.machinelearningservices/workspaces/${p.workspaceName}/codes/c/versions/1`,
  prefixed: (p) => `azureml:${workspaceArmId(p)}/environments/e/versions/1`,
  compute: (p) => `${workspaceArmId(p)}/computes/gpu-${p === east ? 'east' : 'west'}`,
  datastoreLong: (p) =>
    `azureml://subscriptions/${p.subscriptionId}/resourcegroups/${p.resourceGroup}/workspaces/${p.workspaceName}/datastores/ds_${p === east ? 'east' : 'west'}/paths/a/b.csv`,
  assetId: (p) => `azureml://locations/${p.region}/workspaces/${p.workspaceGuid}/data/d/versions/1`,
  blobUrl: (p) => `${p.blobOrigin}/${p.containers.workspaceblobstore}/LocalUpload/x/file.csv`,
  artifactUrl: (p) => `${p.blobOrigin}/azureml/ExperimentRun/dcid.run_1/outputs/model.pkl`,
  codeSnapshot: (p) => `${p.blobOrigin}/b1946ac9-2ffc-4b5c-9c8b-snapshot/src/`,
  dfs: (p) => `https://${p.storageAccount}.dfs.core.windows.net/lake/folder`,
  wasbs: (p) =>
    `wasbs://${p.containers.workspaceblobstore}@${p.storageAccount}.blob.core.windows.net/data/x`,
  abfss: (p) => `abfss://lake@${p.storageAccount}.dfs.core.windows.net/data/x`,
  tracking: (p) => `azureml://${p.region}.api.azureml.ms/mlflow/v1.0${workspaceArmId(p)}`,
  artifact: (p) =>
    `azureml://${p.region}.api.azureml.ms/mlflow/v2.0${workspaceArmId(p)}/experiments/e/runs/r/artifacts`,
  studio: (p) =>
    `https://ml.azure.com/runs/r1?wsid=/subscriptions/${p.subscriptionId}/resourcegroups/${p.resourceGroup}/workspaces/${p.workspaceName}&tid=t`,
  storageAccountId: (p) => p.associated.storageAccount ?? '',
  vault: (p) => `${p.associated.keyVault}/secrets/s`,
  container: (p) => p.containers.workspaceblobstore ?? '',
  fileShare: (p) => `azureml-filestore-${p.workspaceGuid}`,
  image: (p) => `acr${p === east ? 'east' : 'west'}.azurecr.io/env@sha256:abc`,
  guid: (p) => p.workspaceGuid,
}

const portable = [
  'azureml:fraud:3',
  'azureml:fraud@latest',
  'azureml://datastores/workspaceblobstore/paths/x',
  'azureml://jobs/job_1/outputs/model/paths/',
  'runs:/run_1/model',
  'azureml://registries/azureml/models/gpt2/versions/1',
  'plain text',
  '',
  'https://pypi.org/simple',
]

describe('relocateObject', () => {
  it.each(Object.entries(forms))('rewrites %s there and back', (_name, write) => {
    expect(moved(write(east))).toBe(write(west))
    const back = relocateObject(
      job,
      { properties: { field: write(west) } },
      west,
      east,
      invertMap(map),
    )
    expect(back.body).toEqual({ properties: { field: write(east) } })
    expect(moved(write(west))).toBe(write(west))
  })

  it.each(portable)('keeps %j', (text) => {
    const result = move(text)
    expect(result.body).toEqual({ properties: { field: text } })
    expect(result.rewritten).toEqual([])
    expect(result.unresolved).toEqual([])
  })

  it('rewrites path-style storage and data-plane addresses of local regions', () => {
    const from = localPlace('east')
    const to = localPlace('west')
    expect(moved(`${from.blobOrigin}/azureml/x/y`, from, to)).toBe(
      'https://localhost:7202/fraudstorewest/azureml/x/y',
    )
    expect(moved(`azureml://localhost:7101/mlflow/v1.0${workspaceArmId(from)}`, from, to)).toBe(
      `azureml://localhost:7201/mlflow/v1.0${workspaceArmId(to)}`,
    )
    expect(move('https://localhost:7102/elsewhere/c/x', from, to).unresolved).toMatchObject([
      { reason: 'other-account' },
    ])
  })

  it.each([
    [
      'another workspace',
      '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/models/m/versions/1',
      'other-workspace',
    ],
    [
      'another workspace by GUID',
      'azureml://locations/eastus/workspaces/9/models/m/versions/1',
      'other-workspace',
    ],
    ['another account', 'https://public.blob.core.windows.net/c/x.csv', 'other-account'],
    [
      'an unmapped resource',
      '/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v',
      'unmapped-resource',
    ],
    ['a scoring address', 'https://fraud.eastus.inference.ml.azure.com/score', 'regional-address'],
    ['a signed address', `${east.blobOrigin}/azureml/x?sv=1&sig=SECRET`, 'signed-url'],
  ])('keeps and reports %s', (_name, value, reason) => {
    const result = move(value)
    expect(result.body).toEqual({ properties: { field: value } })
    expect(result.unresolved).toMatchObject([{ path: 'properties.field', reason }])
    expect(JSON.stringify(result.unresolved)).not.toContain('SECRET')
  })

  it('reports a system container that the target lacks instead of guessing', () => {
    const bare = { ...west, containers: {} }
    expect(move(forms.blobUrl?.(east) ?? '', east, bare).unresolved).toMatchObject([
      { reason: 'unmapped-container' },
    ])
  })

  it('rewrites URIs inside command lines and JSON texts, and only those of the place', () => {
    const own = forms.datastoreLong as (p: Place) => string
    const line = (p: Place) =>
      `python train.py --data "${own(p)}" --out=${own(p)} # https://public.blob.core.windows.net/c`
    expect(moved(line(east))).toBe(line(west))
    const json = (p: Place) => JSON.stringify({ uri: own(p), id: workspaceArmId(p) })
    expect(moved(json(east))).toBe(json(west))
  })

  it('maps bare compute names in untyped job graphs, and nothing that merely looks like one', () => {
    const body = {
      properties: {
        jobType: 'Pipeline',
        settings: { default_compute: 'gpu-east' },
        jobs: {
          train: {
            computeId: `${workspaceArmId(east)}/computes/gpu-east`,
            compute: 'azureml:gpu-east',
            command: 'gpu-east',
          },
        },
      },
    }
    expect(relocateObject(job, body, east, west, map).body).toEqual({
      properties: {
        jobType: 'Pipeline',
        settings: { default_compute: 'gpu-west' },
        jobs: {
          train: {
            computeId: `${workspaceArmId(west)}/computes/gpu-west`,
            compute: 'azureml:gpu-west',
            command: 'gpu-east',
          },
        },
      },
    })
  })

  it('moves a datastore on the default account, and reports one on another account', () => {
    const id: ObjectId = { kind: 'datastore', path: ['d'] }
    const body = (p: Place): JsonObject => ({
      properties: {
        datastoreType: 'AzureBlob',
        accountName: p.storageAccount,
        containerName: p.containers.workspaceblobstore,
        subscriptionId: p.subscriptionId,
        resourceGroup: p.resourceGroup,
      },
    })
    expect(relocateObject(id, body(east), east, west).body).toEqual(body(west))
    const other = { properties: { accountName: 'theirs', containerName: 'azureml' } }
    expect(relocateObject(id, other, east, west)).toMatchObject({
      body: other,
      unresolved: [{ path: 'properties.accountName', reason: 'other-account' }],
    })
  })

  it('rewrites locations and ARM ids used as names, and drops what the service makes', () => {
    const identity =
      '/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/a'
    const target = identity.replace(/a$/, 'b')
    const body = {
      id: `${workspaceArmId(east)}/onlineEndpoints/e`,
      location: 'East US',
      identity: {
        type: 'UserAssigned',
        userAssignedIdentities: { [identity]: { principalId: 'p' } },
      },
      properties: { authMode: 'Key', scoringUri: 'https://e.eastus.inference.ml.azure.com/score' },
    }
    const result = relocateObject({ kind: 'online-endpoint', path: ['e'] }, body, east, west, {
      identity: { [identity]: target },
    })
    expect(result.body).toEqual({
      location: 'westus',
      identity: { type: 'UserAssigned', userAssignedIdentities: { [target]: {} } },
      properties: { authMode: 'Key' },
    })
    expect(result.unresolved).toEqual([])
  })
})

describe('properties of relocation', () => {
  const word = fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/)
  const text = fc.oneof(
    word,
    fc.constantFrom(...portable),
    fc.string(),
    fc.constantFrom(...Object.values(forms)).map((write) => write(east)),
    fc
      .tuple(word, fc.constantFrom(...Object.values(forms)))
      .filter(([, write]) => write(east).includes('://'))
      .map(([name, write]) => `--${name} ${write(east)} --end`),
  )
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      text,
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(word, tie('value'), { maxKeys: 4 }),
    ),
  }))
  const body = fc.record({
    properties: fc.dictionary(word, value, { maxKeys: 6 }),
  }) as fc.Arbitrary<JsonObject>
  const kind = fc.constantFrom<ObjectId>(
    { kind: 'job', path: ['a'] },
    { kind: 'component', path: ['a', '1'] },
    { kind: 'data', path: ['a', '1'] },
    { kind: 'online-deployment', path: ['a', 'b'] },
  )
  const strip = (id: ObjectId, b: JsonObject) => relocateObject(id, b, east, east).body

  it('there and back is the identity', () => {
    fc.assert(
      fc.property(kind, body, (id, b) => {
        const there = relocateObject(id, b, east, west, map)
        fc.pre(there.unresolved.length === 0)
        expect(relocateObject(id, there.body, west, east, invertMap(map)).body).toEqual(
          strip(id, b),
        )
      }),
    )
  })

  it('leaves nothing of the place it came from', () => {
    const marks = [east.subscriptionId, east.workspaceName, east.workspaceGuid, east.storageAccount]
    fc.assert(
      fc.property(kind, body, (id, b) => {
        const there = JSON.stringify(relocateObject(id, b, east, west, map).body)
        for (const mark of marks) expect(there).not.toContain(mark)
      }),
    )
  })

  it('changes nothing that is already at the target', () => {
    fc.assert(
      fc.property(kind, body, (id, b) => {
        const there = relocateObject(id, b, east, west, map)
        fc.pre(there.unresolved.length === 0)
        const again = relocateObject(id, there.body, east, west, map)
        expect(again.body).toEqual(there.body)
        expect(again.rewritten).toEqual([])
      }),
    )
  })
})
