import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type RegionProcess, startRegionProcess } from '../src/region/testing/region-process.ts'
import { type Call, regionClient, settled } from '../src/region/testing/test-region.ts'
import type { Bench, BenchContext, Figure } from './bench.ts'
import { percentile, timed } from './latency.ts'
import { type FillSize, fillRegion } from './region-fill.ts'

const workspaceId =
  '/subscriptions/s1/resourceGroups/rg1/providers/Microsoft.MachineLearningServices/workspaces/large'
const pageSize = 100
const program = [fileURLToPath(new URL('../dist/holdfast.js', import.meta.url))]

/** A large region stays usable: pages at any depth, batches of metrics, start, memory. */
export const regionScale: Bench = {
  name: 'region-scale',
  what: 'a local region with 1,000,000 runs and 100,000 assets (small: 20,000 and 2,000)',
  async run(context) {
    const { full, dir, note } = context
    const size: FillSize = full
      ? { runs: 1_000_000, metricsPerRun: 10, assets: 100_000 }
      : { runs: 20_000, metricsPerRun: 10, assets: 2000 }
    const dataDir = join(dir, 'region')
    await createWorkspace(dataDir)
    note(`filling with ${size.runs} runs and ${size.assets} assets`)
    const begin = performance.now()
    fillRegion(dataDir, workspaceId, size, note)
    const fillSeconds = (performance.now() - begin) / 1000
    const region = await startRegionProcess(dataDir, program)
    const client = regionClient(region.cloudFile)
    try {
      const pages = await pageFigures(region, client.call, size, context)
      note('logging metrics')
      const batches = await batchFigures(region, client.call)
      const peak = region.peakMb()
      return [
        { what: 'fill through the stores', value: fillSeconds, unit: 's' },
        { what: 'start-up', value: region.startMs / 1000, unit: 's', atMost: 3 },
        ...pages,
        ...batches,
        ...(peak === undefined
          ? []
          : [{ what: 'memory, peak', value: peak, unit: 'MB', atMost: 600 } as const]),
      ]
    } finally {
      await client.close()
      await region.stop()
    }
  },
}

async function createWorkspace(dataDir: string): Promise<void> {
  const region = await startRegionProcess(dataDir, program)
  const { call, close } = regionClient(region.cloudFile)
  const body = { location: 'eastus', properties: {} }
  await settled(call, await call('PUT', `${workspaceId}?api-version=2025-12-01`, { body }))
  await close()
  await region.stop()
}

/** One way to walk a list: asks for a page after a token, and says how many came and the next token. */
interface Walk {
  readonly what: string
  readonly total: number
  page(call: Call, size: number, token: string | undefined): Promise<Page>
}
interface Page {
  readonly count: number
  readonly token: string | undefined
}

function walksOf({ runs, assets }: FillSize): Walk[] {
  const history = (what: string, question: object): Walk => ({
    what: `page of 100 runs, run history, ${what}`,
    total: runs,
    page: async (call, size, token) => {
      const body = { ...question, top: size, ...(token && { continuationToken: token }) }
      const answer = await post(call, `/history/v1.0${workspaceId}/runs:query`, body)
      const { value, continuationToken } = answer as {
        value: unknown[]
        continuationToken: string | null
      }
      return { count: value.length, token: continuationToken ?? undefined }
    },
  })
  return [
    history('newest first', {}),
    history('by start', { orderBy: 'startTimeUtc desc' }),
    history('changed first', { orderBy: 'lastModifiedUtc desc' }),
    {
      what: 'page of 100 runs, MLflow search',
      total: Math.min(runs, 50_000),
      page: async (call, size, token) => {
        const body = { experiment_ids: [await firstExperiment(call)], max_results: size }
        const path = `/mlflow/v1.0${workspaceId}/api/2.0/mlflow/runs/search`
        const answer = await post(call, path, { ...body, ...(token && { page_token: token }) })
        const page = answer as { runs: unknown[]; next_page_token?: string }
        return { count: page.runs.length, token: page.next_page_token }
      },
    },
    {
      what: 'page of 100 assets, ARM list',
      total: Math.ceil(assets / 5),
      page: async (call, size, token) => {
        const skip = token === undefined ? '' : `&$skip=${token}`
        const answer = await call('GET', `${workspaceId}/models?count=${size}${skip}`)
        const { value, nextLink } = answer.body as { value: unknown[]; nextLink?: string }
        const next =
          nextLink === undefined ? undefined : new URL(nextLink).searchParams.get('$skip')
        return { count: value.length, token: next ?? undefined }
      },
    },
  ]
}

let experiment: string | undefined
async function firstExperiment(call: Call): Promise<string> {
  if (experiment === undefined) {
    const path = `/history/v1.0${workspaceId}/experiments/experiment-0`
    experiment = String(((await call('GET', path)).body as { experimentId: string }).experimentId)
  }
  return experiment
}

async function pageFigures(
  region: RegionProcess,
  call: Call,
  size: FillSize,
  { full, note }: BenchContext,
): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const walk of walksOf(size)) {
    note(walk.what)
    const places = await placesOf(call, walk, full ? 300 : 60)
    for (let i = 0; i < 10; i++) await walk.page(call, pageSize, undefined)
    const first = await timed(50, async () => void (await walk.page(call, pageSize, undefined)))
    const before = region.cpuMs()
    const deep = await timed(places.length, async (i) => {
      const page = await walk.page(call, pageSize, places[i])
      if (page.count === 0) throw new Error('a token led to an empty page')
    })
    figures.push({
      what: `${walk.what}, p99 over ${places.length} depths`,
      ...{ value: percentile(deep, 0.99), unit: 'ms', atMost: 50 },
      beside: { what: 'first page, p99', value: percentile(first, 0.99) },
    })
    figures.push(...cpuFigure(walk.what, region, before, deep.length))
  }
  return figures
}

/** Walks the whole list once in large steps; returns tokens evenly spread over it. */
async function placesOf(call: Call, walk: Walk, wanted: number): Promise<string[]> {
  const tokens: string[] = []
  let seen = 0
  let token: string | undefined
  do {
    const page = await walk.page(call, Math.min(1000, Math.ceil(walk.total / 20)), token)
    seen += page.count
    token = page.token
    if (token !== undefined) tokens.push(token)
  } while (token !== undefined)
  if (seen !== walk.total) throw new Error(`${walk.what}: saw ${seen} of ${walk.total}`)
  const stride = Math.max(1, tokens.length / wanted)
  const spread = Array.from({ length: Math.min(wanted, tokens.length) }, (_, i) =>
    Math.floor(i * stride),
  )
  // Few places (a small size) are asked several times, so that a percentile means something.
  const repeats = Math.max(1, Math.floor(wanted / Math.max(1, spread.length)))
  return Array.from({ length: repeats }, () => spread.map((i) => tokens[i] ?? '')).flat()
}

const batchShapes = [
  { what: '1 metric, 1000 steps', keys: 1 },
  { what: '10 metrics, 100 steps', keys: 10 },
  { what: '1000 metrics, 1 step', keys: 1000 },
] as const

async function batchFigures(region: RegionProcess, call: Call): Promise<Figure[]> {
  const base = `/mlflow/v1.0${workspaceId}/api/2.0/mlflow`
  const experiment_id = await firstExperiment(call)
  const figures: Figure[] = []
  for (const { what, keys } of batchShapes) {
    const made = await post(call, `${base}/runs/create`, { experiment_id })
    const { run_id } = (made as { run: { info: { run_id: string } } }).run.info
    const before = region.cpuMs()
    const times = await timed(210, async (round) => {
      const metrics = Array.from({ length: 1000 }, (_, i) => ({
        ...{ key: `m${i % keys}`, value: i / 7, timestamp: 1_760_000_000_000 + i },
        step: round * 1000 + i,
      }))
      await post(call, `${base}/runs/log-batch`, { run_id, metrics })
    })
    figures.push({
      what: `log-batch of 1000 (${what}), p99`,
      ...{ value: percentile(times.slice(10), 0.99), unit: 'ms', atMost: 20 },
      beside: { what: 'p50', value: percentile(times.slice(10), 0.5) },
    })
    figures.push(...cpuFigure(`log-batch (${what})`, region, before, times.length))
  }
  return figures
}

/** Waiting for a busy machine is in the times above; this is the work alone. */
function cpuFigure(
  what: string,
  region: RegionProcess,
  before: number | undefined,
  requests: number,
): Figure[] {
  const after = region.cpuMs()
  if (before === undefined || after === undefined) return []
  const value = (after - before) / requests
  return [{ what: `${what}: processor time of the region`, value, unit: 'ms' }]
}

async function post(call: Call, path: string, body: object): Promise<unknown> {
  const answer = await call('POST', path, { body })
  if (answer.status !== 200)
    throw new Error(`${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
  return answer.body
}
