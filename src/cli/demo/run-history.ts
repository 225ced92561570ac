import { createHash } from 'node:crypto'
import pLimit from 'p-limit'
import type { RestClient } from './rest-client.ts'

/** An MLflow tracking address and the sign-in for it. */
export interface Tracking {
  readonly uri: string
  readonly client: RestClient
}

interface Run {
  readonly info: {
    readonly run_id: string
    readonly run_name: string
    readonly status: string
    readonly start_time: number
    readonly end_time?: number
  }
  readonly data: {
    readonly metrics?: readonly { readonly key: string }[]
    readonly params?: readonly { readonly key: string; readonly value: string }[]
    readonly tags?: readonly { readonly key: string; readonly value: string }[]
  }
}

/** Everything a client can see of finished runs; two histories are compared by it. */
export interface History {
  /** Run id -> its facts as one text. */
  readonly runs: ReadonlyMap<string, string>
  readonly points: number
  readonly artifacts: number
}

/** Reads every finished run with every point of every series, and every artifact, over MLflow REST. */
export async function readHistory(tracking: Tracking): Promise<History> {
  const limit = pLimit(12)
  const runs = await finishedRuns(tracking)
  const read = await Promise.all(runs.map((run) => limit(() => readRun(tracking, run))))
  return {
    runs: new Map(read.map(({ id, text }) => [id, text])),
    points: read.reduce((sum, { points }) => sum + points, 0),
    artifacts: read.reduce((sum, { artifacts }) => sum + artifacts, 0),
  }
}

/** Ids of runs that differ or are missing in `found`; `found` may hold more. */
export function differences(expected: History, found: History): string[] {
  return [...expected.runs].filter(([id, text]) => found.runs.get(id) !== text).map(([id]) => id)
}

const api = ({ uri }: Tracking, path: string) => `${uri}/api/2.0/mlflow/${path}`

async function finishedRuns(tracking: Tracking): Promise<Run[]> {
  const { client } = tracking
  const { experiments } = await client.json<{ experiments: { experiment_id: string }[] }>(
    api(tracking, 'experiments/search'),
    { method: 'POST', body: { max_results: 1000 } },
  )
  const runs: Run[] = []
  let token: string | undefined
  do {
    const body = {
      experiment_ids: experiments.map(({ experiment_id }) => experiment_id),
      max_results: 1000,
      ...(token === undefined ? {} : { page_token: token }),
    }
    const page = await client.json<{ runs?: Run[]; next_page_token?: string }>(
      api(tracking, 'runs/search'),
      { method: 'POST', body },
    )
    runs.push(...(page.runs ?? []))
    token = page.next_page_token || undefined
  } while (token !== undefined)
  return runs.filter(({ info }) => /^(FINISHED|FAILED|KILLED)$/.test(info.status))
}

async function readRun(tracking: Tracking, { info, data }: Run) {
  const series: Record<string, unknown> = {}
  let points = 0
  for (const { key } of data.metrics ?? []) {
    const found = await readSeries(tracking, info.run_id, key)
    series[key] = found
    points += found.length
  }
  const artifacts = await readArtifacts(tracking, info.run_id)
  const { run_id, run_name, status, start_time, end_time } = info
  const facts = {
    ...{ run_id, run_name, status, start_time, end_time },
    params: sorted(data.params),
    tags: sorted(data.tags),
    series,
    artifacts,
  }
  return { id: run_id, text: JSON.stringify(facts), points, artifacts: artifacts.length }
}

async function readSeries(tracking: Tracking, run: string, key: string): Promise<unknown[]> {
  const query = new URLSearchParams({ run_id: run, metric_key: key, max_results: '25000' })
  const { metrics = [] } = await tracking.client.json<{
    metrics?: { step: number; timestamp: number; value: unknown }[]
  }>(api(tracking, `metrics/get-history?${query}`))
  return metrics.map(({ step, timestamp, value }) => [step, timestamp, value])
}

/** Path, size and digest of each file at the top of the run's artifacts. */
async function readArtifacts({ uri, client }: Tracking, run: string): Promise<unknown[]> {
  const { root_uri, files = [] } = await client.json<{
    root_uri: string
    files?: { path: string; is_dir?: boolean; file_size?: number }[]
  }>(`${uri}/api/2.0/mlflow/artifacts/list?${new URLSearchParams({ run_id: run })}`)
  // The tracking server is the proxy in front of its artifacts.
  const folder = root_uri.replace(/^mlflow-artifacts:\//, '')
  const found: unknown[] = []
  for (const { path, is_dir, file_size } of files) {
    if (is_dir) continue
    const bytes = await client.bytes(`${uri}/api/2.0/mlflow-artifacts/artifacts/${folder}/${path}`)
    found.push([path, file_size, createHash('sha256').update(bytes).digest('hex')])
  }
  return found
}

function sorted(pairs: readonly { readonly key: string; readonly value: string }[] = []) {
  return pairs.map(({ key, value }) => [key, value]).sort(([a = ''], [b = '']) => (a < b ? -1 : 1))
}
