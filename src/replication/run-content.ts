import { createHash } from 'node:crypto'
import pLimit from 'p-limit'
import { digestJson, type MetricDigest, metricDigest } from '../model/canonical.ts'
import type { BlobInfo, MetricValue, Run, Workspace } from '../workspace/workspace.ts'
import { at, pagesAhead, pagesOf, partsOf } from './paging.ts'
import { failureOf, forEach, isFatal, type Pass, reading, writing } from './pass-state.ts'

/** What a run holds besides its document: digests of its series and, where they belong to it, artifacts. */
export interface RunContent {
  readonly series: string
  readonly artifacts: string | undefined
  readonly bytes: number
}

export interface Failure {
  readonly code: string
  readonly message: string
}

export type Results<T> = ReadonlyMap<string, T | Failure>

/** Works on runs in groups, a few groups at a time; nothing is under way when it rejects. */
export async function inGroups<T>(
  pass: Pass,
  runs: readonly Run[],
  work: (group: readonly Run[]) => Promise<Results<T>>,
): Promise<Results<T>> {
  const { limit } = pass.groups
  const results = new Map<string, T | Failure>()
  const groups = pass.groups.of(runs)
  const lane = async () => {
    // Cut when its turn has come: by then it is known how long the series are.
    const next = async () => {
      const group = groups.next()
      if (group.done === true) return true
      for (const [runId, result] of await work(group.value)) results.set(runId, result)
      return false
    }
    for (let done = false; !done; ) done = (await forEach(pass, [groups], next, limit))[0] === true
  }
  await allSettled(Array.from({ length: limit.concurrency }, lane))
  return results
}

/** All at once, or where that fails each alone: one bad run must not hold up the others. */
export async function together<T>(
  pass: Pass,
  runs: readonly Run[],
  work: (runs: readonly Run[]) => Promise<ReadonlyMap<string, T>>,
): Promise<Results<T>> {
  try {
    return runs.length === 0 ? new Map() : await work(runs)
  } catch (error) {
    if (isFatal(error)) throw error
    const [only] = runs
    if (runs.length === 1 && only !== undefined) return new Map([[only.runId, failureOf(error)]])
  }
  return inParts(pass, runs, 1, work)
}

/** As many together as `workspace` reads the metrics of at once. */
export function asRead<T>(
  pass: Pass,
  { capabilities }: Workspace,
  runs: readonly Run[],
  work: (part: readonly Run[]) => Promise<ReadonlyMap<string, T>>,
): Promise<Results<T>> {
  return inParts(pass, runs, capabilities.limits.runsPerRead, work)
}

async function inParts<T>(
  pass: Pass,
  runs: readonly Run[],
  size: number,
  work: (part: readonly Run[]) => Promise<ReadonlyMap<string, T>>,
): Promise<Results<T>> {
  const results = new Map<string, T | Failure>()
  const collect = async (part: readonly Run[]) => {
    for (const [runId, result] of await together(pass, part, work)) results.set(runId, result)
  }
  await forEach(pass, partsOf(runs, size), collect, pLimit(runsAtOnce))
  return results
}

export function isFailure<T extends object>(result: T | Failure): result is Failure {
  return 'code' in result
}

/** Runs of a group, or parts of it, at which something is under way at a time. */
const runsAtOnce = 4

/** As they are at the target now, by id; what is not there is missing. */
export async function standingRuns(pass: Pass, runs: readonly Run[]): Promise<Map<string, Run>> {
  const found = await pass.context.target.getRuns(runs, reading(pass))
  return new Map(found.map((run) => [run.runId, run]))
}

export async function readContent(
  pass: Pass,
  workspace: Workspace,
  runs: readonly Run[],
): Promise<Map<string, RunContent>> {
  const series = await walkSeries(pass, workspace, runs)
  const found = new Map<string, RunContent>()
  await eachOf(runs, async ({ runId }) => {
    const artifacts = await readArtifacts(pass, workspace, `run:${runId}`)
    found.set(runId, { series: series.get(runId) ?? noSeries, ...artifacts })
  })
  return found
}

/**
 * Copies series page by page, the next one read while one is written, so that a long one needs no
 * memory; then artifacts.
 */
export async function copyContent(
  pass: Pass,
  runs: readonly Run[],
): Promise<Map<string, RunContent>> {
  const waiting = new Map<string, MetricValue[]>()
  const most = pass.context.target.capabilities.limits.valuesPerWrite
  const write = async (runId: string, least: number): Promise<void> => {
    for (let held = waiting.get(runId) ?? []; held.length >= least && held.length > 0; ) {
      await pass.context.target.writeMetrics(runId, held.slice(0, most), writing(pass))
      held = held.slice(most)
      waiting.set(runId, held)
    }
  }
  const series = await walkSeries(pass, pass.context.source, runs, async (runId, values) => {
    const held = waiting.get(runId)
    waiting.set(runId, held === undefined ? [...values] : held.concat(values))
    await write(runId, most)
  })
  const copied = new Map<string, RunContent>()
  await eachOf(runs, async ({ runId }) => {
    await write(runId, 1)
    const artifacts = await copyArtifacts(pass, `run:${runId}`)
    copied.set(runId, { series: series.get(runId) ?? noSeries, ...artifacts })
  })
  return copied
}

const noSeries = metricDigest().digest()

async function walkSeries(
  pass: Pass,
  workspace: Workspace,
  runs: readonly Run[],
  each?: (runId: string, values: readonly MetricValue[]) => Promise<void>,
): Promise<Map<string, string>> {
  const digests = new Map<string, MetricDigest>()
  let count = 0
  const pages = pagesAhead((cursor) =>
    workspace.readMetricsOf(runs, { ...reading(pass), ...at(cursor) }),
  )
  for await (const parts of pages) {
    await eachOf(parts, async ({ runId, values }) => {
      const digest = digests.get(runId) ?? metricDigest()
      digests.set(runId, digest)
      digest.add(values)
      count += values.length
      await each?.(runId, values)
    })
  }
  pass.groups.learn(runs.length, count)
  return new Map([...digests].map(([runId, digest]) => [runId, digest.digest()]))
}

/**
 * A few at a time, each item whole: the values of one run stay in order. Gives what came of each, in
 * the order of the items. When one fails, what was not begun is not begun any more.
 */
async function eachOf<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
  atOnce = runsAtOnce,
): Promise<R[]> {
  const left = items.entries()
  const results: R[] = []
  let hasFailed = false
  const lane = async () => {
    for (const [i, item] of left) {
      if (hasFailed) return
      results[i] = await work(item).catch((error: unknown) => {
        hasFailed = true
        throw error
      })
    }
  }
  await allSettled(Array.from({ length: Math.min(atOnce, items.length) }, lane))
  return results
}

/** All have ended before a failure is reported: nothing writes after the pass has gone on. */
async function allSettled(work: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(work))
    if (result.status === 'rejected') throw result.reason
}

type Artifacts = Pick<RunContent, 'artifacts' | 'bytes'>

const apart: Artifacts = { artifacts: undefined, bytes: 0 }

/** Both sides must keep artifacts with their runs for them to be copied so. */
function isWithRuns({ context: { source, target } }: Pass): boolean {
  return [source, target].every(({ capabilities }) => capabilities.artifacts === 'in-runs')
}

export async function readArtifacts(
  pass: Pass,
  workspace: Workspace,
  store: string,
): Promise<Artifacts> {
  return eachArtifact(pass, workspace, store, async (blob) =>
    hashOf(await workspace.readBlob(store, blob.name, reading(pass))),
  )
}

export async function copyArtifacts(pass: Pass, store: string): Promise<Artifacts> {
  const { source, target } = pass.context
  return eachArtifact(pass, source, store, async (blob) => {
    const hash = createHash('sha256')
    const content = (await source.readBlob(store, blob.name, reading(pass))).pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          hash.update(chunk)
          controller.enqueue(chunk)
        },
      }),
    )
    await target.writeBlob(store, blob, content, writing(pass))
    pass.tally.bytesCopied += blob.sizeBytes
    return hash.digest('hex')
  })
}

/** `work` gives the hash of one's bytes; several are under way at a time, also of one run. */
async function eachArtifact(
  pass: Pass,
  workspace: Workspace,
  store: string,
  work: (blob: BlobInfo) => Promise<string>,
): Promise<Artifacts> {
  if (!isWithRuns(pass)) return apart
  const { artifacts } = pass.groups
  const digest = artifactDigest()
  const pages = pagesOf((cursor) => workspace.listBlobs(store, { ...reading(pass), ...at(cursor) }))
  for await (const page of pages) {
    const hashed = await eachOf(
      page,
      (blob) => artifacts(async () => ({ blob, content: await work(blob) })),
      artifacts.concurrency,
    )
    for (const { blob, content } of hashed) digest.add(blob, content)
  }
  return digest.result()
}

async function hashOf(content: ReadableStream<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of content) hash.update(chunk)
  return hash.digest('hex')
}

function artifactDigest() {
  const hash = createHash('sha256')
  let bytes = 0
  let any = false
  return {
    add({ name, sizeBytes }: BlobInfo, content: string) {
      hash.update(digestJson({ name, content }))
      bytes += sizeBytes
      any = true
    },
    /** Of no artifact at all there is none, so that a run is the same however artifacts are kept. */
    result: (): Artifacts => ({ artifacts: any ? hash.digest('hex') : undefined, bytes }),
  }
}
