import { createHash } from 'node:crypto'
import type { Call } from '../../src/region/testing/test-region.ts'

/** Where the writes go. */
export interface Target {
  readonly call: Call
  readonly storageOrigin: string
  readonly account: string
  readonly storageToken: string
  readonly vaultToken: string
  readonly vault: string
  /** `Basic …` for the container registry. */
  readonly registryUser: string
}

/**
 * Something that is written again and again: the n-th write brings the object into state n. What
 * state n looks like follows from key and n, so that half of it, or a mixture of two, is seen.
 */
export interface WrittenKind {
  readonly name: string
  /** Resolves when the region acknowledged the write. */
  write(target: Target, key: string, n: number): Promise<void>
  /** The state the object is in, 0 when there is none; throws when it is half of one. */
  read(target: Target, key: string): Promise<number>
  /** What `read` says after write n. Default: n. */
  readonly shown?: (n: number) => number
}

export const subscription = '/subscriptions/s1/resourceGroups/rg1/providers'
export const workspaceId = `${subscription}/Microsoft.MachineLearningServices/workspaces/durable`
export const container = 'durability'

/** The whole text of state n: long enough for several pages of the database and blocks of a file. */
export function textOf(key: string, n: number): string {
  const digest = createHash('sha256').update(`${key}|${n}`).digest('hex')
  return `${n}|${digest.repeat(1 + (Number.parseInt(digest.slice(0, 2), 16) % 60))}`
}

/** The n of a whole text; throws for anything else. */
export function stateOf(key: string, text: unknown): number {
  const n = Number(String(text).split('|', 1)[0])
  if (text !== textOf(key, n)) throw new Error(`${key} holds half of a write: ${short(text)}`)
  return n
}

/** Every third write of a kind that is deleted takes the object away. */
const isDeletion = (n: number) => n % 3 === 0
const whileThere = (n: number) => (isDeletion(n) ? 0 : n)

export async function ok(answer: ReturnType<Call>, ...also: number[]): Promise<unknown> {
  const { status, body } = await answer
  if ((status >= 200 && status < 300) || also.includes(status)) return body
  throw new Error(`unexpected answer ${status}: ${short(body)}`)
}

/** The body, or undefined when there is no such thing. */
export async function found(answer: ReturnType<Call>): Promise<unknown> {
  const { status, body } = await answer
  if (status === 404) return undefined
  if (status === 200) return body
  throw new Error(`unexpected answer ${status}: ${short(body)}`)
}

const short = (value: unknown) => String(JSON.stringify(value)).slice(0, 300)

function same(key: string, states: readonly number[]): number {
  const [first = 0] = states
  if (states.every((state) => state === first)) return first
  throw new Error(`${key} is in several states at once: ${states.join(', ')}`)
}

/** States 1 to m, each there once: the object is in state m. */
function unbroken(key: string, states: readonly number[]): number {
  const sorted = [...states].sort((a, b) => a - b)
  if (sorted.every((state, i) => state === i + 1)) return sorted.length
  throw new Error(`${key} lacks a write in between: ${sorted.join(', ')}`)
}

// --- ARM -----------------------------------------------------------------------------------------

interface ArmDocument {
  readonly name: string
  readonly properties: { readonly description: string; readonly tags: { readonly n: string } }
}
const armBody = (key: string, n: number, more: object = {}) => ({
  properties: { description: textOf(key, n), tags: { n: String(n) }, ...more },
})
const armState = (key: string, { properties }: ArmDocument) =>
  same(key, [stateOf(key, properties.description), Number(properties.tags.n)])

/** A version and, with the first one, its container: in one transaction. */
const assetVersions: WrittenKind = {
  name: 'asset version, new',
  async write({ call }, key, n) {
    const body = armBody(key, n, { modelUri: `azureml://datastores/d/paths/${key}/${n}` })
    await ok(call('PUT', `${workspaceId}/models/${key}/versions/${n}`, { body }))
  },
  async read({ call }, key) {
    const model = await found(call('GET', `${workspaceId}/models/${key}`))
    const path = `${workspaceId}/models/${key}/versions?count=1000`
    const versions = (await found(call('GET', path))) as { value: ArmDocument[] } | undefined
    if (model === undefined) {
      if (versions === undefined) return 0
      throw new Error(`${key} has versions and no container`)
    }
    const states = (versions?.value ?? []).map((one) => same(key, [armState(key, one), +one.name]))
    return unbroken(key, states)
  },
}

const assetContainers: WrittenKind = {
  name: 'asset container, replaced',
  async write({ call }, key, n) {
    await ok(call('PUT', `${workspaceId}/components/${key}`, { body: armBody(key, n) }))
  },
  async read({ call }, key) {
    const document = await found(call('GET', `${workspaceId}/components/${key}`))
    return document === undefined ? 0 : armState(key, document as ArmDocument)
  },
}

/** Versions go with their container when it is deleted. */
const deletedAssets: WrittenKind = {
  name: 'asset with versions, deleted and made again',
  shown: whileThere,
  async write({ call }, key, n) {
    const path = `${workspaceId}/environments/${key}`
    if (isDeletion(n)) await ok(call('DELETE', path))
    else await ok(call('PUT', `${path}/versions/v`, { body: armBody(key, n) }))
  },
  async read({ call }, key) {
    const path = `${workspaceId}/environments/${key}`
    const version = await found(call('GET', `${path}/versions/v`))
    const above = await found(call('GET', path))
    if ((version === undefined) !== (above === undefined))
      throw new Error(`${key} has a version or a container without the other`)
    return version === undefined ? 0 : armState(key, version as ArmDocument)
  },
}

// --- Runs and metrics ----------------------------------------------------------------------------

const history = `/history/v1.0${workspaceId}`
const mlflow = `/mlflow/v1.0${workspaceId}/api/2.0/mlflow`
const runPath = (key: string) => `${history}/experiments/durability/runs/${key}`

const runs: WrittenKind = {
  name: 'run, changed',
  async write({ call }, key, n) {
    const tags = { n: String(n), text: textOf(key, n) }
    const body = { status: 'Running', tags, properties: { [`p${n}`]: textOf(key, n) } }
    await ok(call('PATCH', runPath(key), { body }))
  },
  async read({ call }, key) {
    const run = (await found(call('GET', `${history}/runs/${key}`))) as
      | { tags: Record<string, string>; properties: Record<string, string> }
      | undefined
    if (run === undefined) return 0
    const texts = Object.values(run.properties).map((text) => stateOf(key, text))
    const { n, text } = run.tags
    return same(key, [Number(n), stateOf(key, text), unbroken(key, texts)])
  },
}

const valuesPerBatch = 20

const metrics: WrittenKind = {
  name: 'metrics v2.0, appended',
  async write({ call }, key, n) {
    if (n === 1) await ok(call('PATCH', runPath(key), { body: { status: 'Running' } }))
    const value = Array.from({ length: valuesPerBatch }, (_, i) => ({
      ...{ metricId: `${key}-${n}-${i}`, step: n, data: { loss: n * 1000 + i } },
      createdUtc: '2026-01-01T00:00:00Z',
    }))
    const body = { values: [{ name: 'loss', value }] }
    await ok(call('POST', `/metric/v2.0${workspaceId}/runs/${key}/batch`, { body }))
  },
  async read({ call }, key) {
    const path = `/metric/v2.0${workspaceId}/runs/${key}/full`
    const values: number[] = []
    let continuationToken: string | null = null
    do {
      const body = { metricName: 'loss', ...(continuationToken !== null && { continuationToken }) }
      const page = (await found(call('POST', path, { body }))) as MetricPage | undefined
      if (page === undefined) return 0
      values.push(...page.value.map(({ data }) => data.loss))
      continuationToken = page.continuationToken
    } while (continuationToken !== null)
    const batches = values.length / valuesPerBatch
    const wanted = Array.from({ length: Math.ceil(batches) }, (_, b) =>
      Array.from({ length: valuesPerBatch }, (_, i) => (b + 1) * 1000 + i),
    ).flat()
    if (values.join() === wanted.join()) return batches
    throw new Error(`${key} holds half of a batch: ${values.length} values`)
  },
}
interface MetricPage {
  readonly value: Array<{ readonly data: { readonly loss: number } }>
  readonly continuationToken: string | null
}

/** Metrics, a parameter and a tag in one call: all of it or nothing. */
const batches: WrittenKind = {
  name: 'MLflow log-batch',
  async write({ call }, key, n) {
    if (n === 1) await ok(call('PATCH', runPath(key), { body: { status: 'Running' } }))
    const body = {
      run_id: key,
      metrics: ['a', 'b', 'c'].map((name) => ({ key: name, value: n, timestamp: n, step: n })),
      params: [{ key: `p${n}`, value: String(n) }],
      tags: [{ key: 'n', value: String(n) }],
    }
    await ok(call('POST', `${mlflow}/runs/log-batch`, { body }))
  },
  async read({ call }, key) {
    const got = (await found(call('GET', `${mlflow}/runs/get?run_id=${key}`))) as
      | { run: { data: Record<'metrics' | 'params' | 'tags', Pair[]> } }
      | undefined
    if (got === undefined) return 0
    const { metrics: latest, params, tags } = got.run.data
    const tag = tags.find((one) => one.key === 'n')
    if (tag === undefined && latest.length === 0 && params.length === 0) return 0
    const states = [Number(tag?.value ?? 0), ...latest.map(({ value }) => Number(value))]
    if (latest.length !== 3) throw new Error(`${key} has ${latest.length} of 3 metrics`)
    return same(key, [
      ...states,
      unbroken(
        key,
        params.map(({ value }) => Number(value)),
      ),
    ])
  },
}
interface Pair {
  readonly key: string
  readonly value: string | number
}

const modelVersions: WrittenKind = {
  name: 'MLflow model version, numbered',
  async write({ call }, key, n) {
    const name = { name: key }
    if (n === 1) await ok(call('POST', `${mlflow}/registered-models/create`, { body: name }))
    const body = {
      ...name,
      source: `mlflow-artifacts:/models/${key}/${n}`,
      description: textOf(key, n),
    }
    await ok(call('POST', `${mlflow}/model-versions/create`, { body }))
  },
  async read({ call }, key) {
    const filter = encodeURIComponent(`name='${key}'`)
    const path = `${mlflow}/model-versions/search?max_results=1000&filter=${filter}`
    const { model_versions = [] } = (await ok(call('GET', path))) as {
      model_versions?: Array<{ version: string; description: string }>
    }
    return unbroken(
      key,
      model_versions.map((one) => same(key, [Number(one.version), stateOf(key, one.description)])),
    )
  },
}

// --- Bytes ---------------------------------------------------------------------------------------

const blobHeaders = { 'x-ms-version': '2025-01-05', 'content-type': 'text/plain' }
const blobCall = (
  { call, storageOrigin, account, storageToken: token }: Target,
  method: string,
  path: string,
  options: { body?: string; headers?: Record<string, string> } = {},
) =>
  call(method, `${storageOrigin}/${account}/${container}/${path}`, {
    token,
    headers: { ...blobHeaders, ...options.headers },
    ...(options.body !== undefined && { body: options.body }),
  })
const readBlob = async (target: Target, key: string) => {
  const text = await found(blobCall(target, 'GET', key))
  return text === undefined ? 0 : stateOf(key, text)
}
const putBlob = (target: Target, key: string, n: number) => {
  const headers = { 'x-ms-blob-type': 'BlockBlob' }
  return ok(blobCall(target, 'PUT', key, { body: textOf(key, n), headers }))
}

const replacedBlobs: WrittenKind = {
  name: 'blob, replaced',
  async write(target, key, n) {
    await putBlob(target, key, n)
  },
  read: readBlob,
}

const deletedBlobs: WrittenKind = {
  name: 'blob, deleted and made again',
  shown: whileThere,
  async write(target, key, n) {
    if (isDeletion(n)) await ok(blobCall(target, 'DELETE', key))
    else await putBlob(target, key, n)
  },
  read: readBlob,
}

/** Blocks become visible with their list only. */
const blockBlobs: WrittenKind = {
  name: 'blob of blocks, replaced',
  async write(target, key, n) {
    const text = textOf(key, n)
    const size = Math.ceil(text.length / 3)
    const ids = ['0', '1', '2'].map((id) => Buffer.from(id).toString('base64'))
    for (const [i, id] of ids.entries()) {
      const query = `comp=block&blockid=${encodeURIComponent(id)}`
      const body = text.slice(i * size, (i + 1) * size)
      await ok(blobCall(target, 'PUT', `${key}?${query}`, { body }))
    }
    const list = ids.map((id) => `<Latest>${id}</Latest>`).join('')
    const body = `<?xml version="1.0" encoding="utf-8"?><BlockList>${list}</BlockList>`
    await ok(blobCall(target, 'PUT', `${key}?comp=blocklist`, { body }))
  },
  read: readBlob,
}

const artifacts: WrittenKind = {
  name: 'artifact, replaced',
  async write({ call }, key, n) {
    const headers = { 'content-type': 'text/plain' }
    await ok(call('PUT', artifactPath(key), { body: textOf(key, n), headers }))
  },
  async read({ call }, key) {
    const text = await found(call('GET', artifactPath(key)))
    return text === undefined ? 0 : stateOf(key, text)
  },
}
const artifactPath = (key: string) =>
  `/mlflow/v1.0${workspaceId}/api/2.0/mlflow-artifacts/artifacts/durability/${key}`

// --- Files ---------------------------------------------------------------------------------------

/** The region knows the File service by the host; not every system finds names below `localhost`. */
const fileCall = (
  { call, storageOrigin, account, storageToken: token }: Target,
  method: string,
  path: string,
  options: { body?: string; headers?: Record<string, string> } = {},
) =>
  call(method, `${storageOrigin}/${path}`, {
    token,
    headers: {
      host: `${account}.file.core.localhost:${new URL(storageOrigin).port}`,
      'x-ms-version': '2025-01-05',
      'x-ms-file-request-intent': 'backup',
      'content-type': 'application/octet-stream',
      ...options.headers,
    },
    ...(options.body !== undefined && { body: options.body }),
  })

export const makeShare = (target: Target) =>
  ok(fileCall(target, 'PUT', `${container}?restype=share`), 409)

const longestText = 4096
/** As long for every state, so that a write covers the one before it. */
const padded = (text: string) => text.padEnd(longestText, '\n')

/** One range over the whole file, which is visible as a whole or not at all. */
const rewrittenFiles: WrittenKind = {
  name: 'file, rewritten in place',
  async write(target, key, n) {
    const path = `${container}/${key}`
    if (n === 1) {
      const headers = { 'x-ms-type': 'file', 'x-ms-content-length': String(longestText) }
      await ok(fileCall(target, 'PUT', path, { headers }))
    }
    const headers = { 'x-ms-write': 'update', 'x-ms-range': `bytes=0-${longestText - 1}` }
    const body = padded(textOf(key, n))
    await ok(fileCall(target, 'PUT', `${path}?comp=range`, { body, headers }))
  },
  async read(target, key) {
    const text = await found(fileCall(target, 'GET', `${container}/${key}`))
    // A file that is made and not yet written is full of zeros.
    if (text === undefined || text === '\u0000'.repeat(longestText)) return 0
    return stateOf(key, String(text).trimEnd())
  },
}

// --- Secrets -------------------------------------------------------------------------------------

const secrets: WrittenKind = {
  name: 'secret, new version',
  async write({ call, vault, vaultToken: token }, key, n) {
    const body = { value: textOf(key, n), tags: { n: String(n) } }
    await ok(call('PUT', `/vault/${vault}/secrets/${key}`, { token, body }))
  },
  async read({ call, vault, vaultToken: token }, key) {
    const path = `/vault/${vault}/secrets/${key}`
    const newest = (await found(call('GET', path, { token }))) as
      | { value: string; tags: { n: string } }
      | undefined
    if (newest === undefined) return 0
    let versions = 0
    // A vault shows 25 to a page.
    for (let query: string | undefined = ''; query !== undefined; ) {
      const page = (await ok(call('GET', `${path}/versions${query}`, { token }))) as SecretPage
      versions += page.value.length
      query = page.nextLink ? new URL(page.nextLink).search : undefined
    }
    return same(key, [stateOf(key, newest.value), Number(newest.tags.n), versions])
  },
}

interface SecretPage {
  readonly value: readonly unknown[]
  readonly nextLink?: string | null
}

export const writtenKinds: readonly WrittenKind[] = [
  assetVersions,
  assetContainers,
  deletedAssets,
  runs,
  metrics,
  batches,
  modelVersions,
  replacedBlobs,
  deletedBlobs,
  blockBlobs,
  artifacts,
  rewrittenFiles,
  secrets,
]
