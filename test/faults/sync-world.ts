import { createHash } from 'node:crypto'
import pLimit from 'p-limit'
import type { Kind } from '../../src/model/kinds.ts'
import { formatObjectId, type ObjectId, parseObjectId } from '../../src/model/object-id.ts'
import { collect } from '../../src/workspace/pages.ts'
import type { MetricValue, Run, Workspace } from '../../src/workspace/workspace.ts'
import type { Random } from '../simulation/random.ts'

/** What a client wrote at the source, and when it was acknowledged. */
export interface Written {
  readonly id: ObjectId
  readonly atMs: number
}

const store = 'workspaceblobstore'
const experiment = 'faults'

/** New runs, series, blobs and models, and some that were there before changed. */
export async function writeSome(
  east: Workspace,
  random: Random,
  round: string,
): Promise<readonly Written[]> {
  const written: Written[] = []
  const done = (id: ObjectId) => void written.push({ id, atMs: Date.now() })
  const runs = Array.from({ length: 12 }, (_, i) => runOf(`${round}-${i}`, random))
  await east.putRuns(experiment, runs, { epoch: 1 })
  for (const [index, { runId }] of runs.entries()) {
    for (const values of seriesOf(runId, index === 0 ? 300 : 3))
      await east.writeMetrics(runId, values, { epoch: 1 })
    done({ kind: 'run', path: [runId] })
  }
  for (let i = 0; i < 6; i += 1) {
    // Half of them are there already.
    const name = i < 3 ? `faults/${round}/${i}` : `faults/again/${i}`
    await writeText(east, name, `${round} ${i} ${'x'.repeat(random.below(5000))}`)
    done({ kind: 'blob', path: [store, name] })
  }
  for (const name of [`fm-${round}`, 'fm-again']) {
    const id: ObjectId = { kind: 'model', path: [name, '1'] }
    const modelUri = 'azureml://datastores/workspaceblobstore/paths/faults/'
    const properties = { modelUri, modelType: 'custom_model', tags: { round } }
    await east.putObject(id, { properties }, { epoch: 1 })
    done(id)
  }
  return written
}

const runOf = (runId: string, random: Random): Run => ({
  ...{ runId, experimentName: experiment, status: 'Completed', modifiedAt: '' },
  body: { displayName: `run ${random.below(1000)}`, tags: { n: String(random.below(10)) } },
})

function* seriesOf(runId: string, length: number): Generator<MetricValue[]> {
  for (const name of ['loss', 'accuracy']) {
    const values = Array.from(
      { length },
      (_, step): MetricValue => ({
        ...{ name, schema: 'azureml.v1.scalar', metricId: `${runId}-${name}-${step}` },
        ...{ createdUtc: new Date(1_760_000_000_000 + step).toISOString(), step },
        data: { [name]: step / length },
      }),
    )
    for (let from = 0; from < length; from += 250) yield values.slice(from, from + 250)
  }
}

export async function writeText(east: Workspace, name: string, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text)
  await east.writeBlob(
    store,
    { name, sizeBytes: bytes.length, etag: '', modifiedAt: '', metadata: { of: name } },
    new Blob([bytes]).stream(),
    { epoch: 1 },
  )
}

const comparedKinds: readonly Kind[] = ['model', 'data', 'environment', 'component']
/** Hot-cold in the plan, and what the service itself has in every workspace. */
const isLeft = (name: string) => /^(cold-|AzureML-)/.test(name)

/** What differs between the two sides, read without anything of replication: nothing missing, nothing doubled. */
export async function differencesOf(east: Workspace, west: Workspace): Promise<string[]> {
  const [here, there] = [await factsOf(east), await factsOf(west)]
  return [
    ...minus(here, there).map((fact) => `only at the source: ${fact}`),
    ...minus(there, here).map((fact) => `only at the target: ${fact}`),
  ]
}

/** One line for each thing, twice for what is there twice. */
async function factsOf(side: Workspace): Promise<string[]> {
  const facts: string[] = []
  for (const kind of comparedKinds)
    for (const { id, body } of await collect((page) => side.listObjects(kind, page)))
      if (!isLeft(id.path[0] ?? ''))
        facts.push(`${formatObjectId(id)} ${JSON.stringify(tagsOf(body.properties))}`)
  const limit = pLimit(16)
  const factOf = async (run: Run): Promise<string> => {
    const values = await collect((page) => side.readMetrics(run.runId, page))
    const lines = values.map((value) =>
      JSON.stringify([value.name, value.metricId, value.step, value.data]),
    )
    const series = createHash('sha256').update(lines.sort().join('\n')).digest('hex')
    const { displayName, tags } = run.body
    return `run/${run.runId} ${run.status} ${JSON.stringify([displayName, tags])} ${values.length} values ${series}`
  }
  const runs = await collect((page) => side.listRuns(page))
  facts.push(...(await Promise.all(runs.map((run) => limit(() => factOf(run))))))
  for (const one of ['workspaceblobstore', 'workspaceartifactstore'])
    for (const blob of await collect((page) => side.listBlobs(one, page)))
      facts.push(
        `blob/${one}/${blob.name} ${blob.sizeBytes} ${blob.contentMd5} ${JSON.stringify(blob.metadata)}`,
      )
  return facts
}

function tagsOf(properties: unknown): unknown {
  const { tags, isArchived } = (properties ?? {}) as Record<string, unknown>
  return [tags ?? {}, isArchived ?? false]
}

function minus(list: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>()
  for (const other of others) left.set(other, (left.get(other) ?? 0) + 1)
  return list.filter((each) => {
    const count = left.get(each) ?? 0
    left.set(each, count - 1)
    return count <= 0
  })
}

/** Longer than a healthy region takes; a faulty one says nothing about an object. */
const patienceMs = 3000

/** False only when the target answers that the object is not there; undefined: it does not answer. */
export async function isThere(west: Workspace, object: ObjectId | string) {
  const { kind, path } = typeof object === 'string' ? parseObjectId(object) : object
  const [first = '', second = ''] = path
  const signal = AbortSignal.timeout(patienceMs)
  try {
    if (kind === 'run') return (await west.getRun(first, { signal })) !== undefined
    if (kind === 'blob') return (await west.getBlob(first, second, { signal })) !== undefined
    return (await west.getObject({ kind, path }, { signal })) !== undefined
  } catch {
    return undefined
  }
}
