import { isCode } from '../../model/errors.ts'
import { collect } from '../pages.ts'
import type { CallOptions, NotProtected } from '../workspace.ts'
import type { MlflowExperiments } from './mlflow-experiments.ts'
import type { MlflowHttp } from './mlflow-http.ts'
import { array, text } from './run-document.ts'

/** Paged lists of the whole server, with the field of the answer that holds the items. */
const lists = [
  {
    what: 'evaluation data sets',
    path: '/api/3.0/mlflow/datasets/search',
    field: 'datasets',
    reason: 'the server makes their ids and those of their records, which its traces name',
  },
  {
    what: 'webhooks',
    path: '/api/2.0/mlflow/webhooks',
    field: 'webhooks',
    reason: 'the server never gives out the secret they sign with',
  },
  {
    what: 'keys of the AI gateway',
    path: '/api/3.0/mlflow/gateway/secrets/list',
    field: 'secrets',
    reason: 'the server never gives them out',
  },
  {
    what: 'endpoints of the AI gateway',
    path: '/api/3.0/mlflow/gateway/endpoints/list',
    field: 'endpoints',
    reason: 'they need the keys of the gateway',
  },
] as const

const scorersReason = 'they run on the server under schedules of its own'

/** What an MLflow server keeps and no pass carries; only what is there. */
export async function findNotProtected(
  http: MlflowHttp,
  experiments: MlflowExperiments,
  options: CallOptions,
): Promise<readonly NotProtected[]> {
  const found = await Promise.all([
    ...lists.map(async ({ what, path, field, reason }) => ({
      ...{ what, reason },
      count: await orUnknown(() => countOf(http, path, {}, field, options)),
    })),
    scorers(http, experiments, options),
  ])
  return found.filter(({ count }) => count !== 0)
}

/** They belong to experiments, and a server lists those of one only. */
async function scorers(
  http: MlflowHttp,
  experiments: MlflowExperiments,
  options: CallOptions,
): Promise<NotProtected> {
  const path = '/api/3.0/mlflow/scorers/list'
  const count = await orUnknown(async () => {
    let sum = 0
    for (const { experimentId = '' } of await collect((page) => experiments.list(page), options))
      sum += await countOf(http, path, { experiment_id: experimentId }, 'scorers', options)
    return sum
  })
  return { what: 'scorers', count, reason: scorersReason }
}

/** An older server does not know the thing, so it has none; one that refuses leaves it unknown (I8). */
async function orUnknown(count: () => Promise<number>): Promise<number | undefined> {
  try {
    return await count()
  } catch (error) {
    if (isCode(error, 'object.not-found')) return 0
    if (isCode(error, 'object.refused') || isCode(error, 'workspace.forbidden')) return undefined
    throw error
  }
}

async function countOf(
  http: MlflowHttp,
  path: string,
  query: Readonly<Record<string, string>>,
  field: string,
  { signal }: CallOptions,
): Promise<number> {
  let sum = 0
  let token = ''
  do {
    const asked = new URLSearchParams({ ...query, ...(token === '' ? {} : { page_token: token }) })
    const body = await http.json({
      method: 'GET',
      path: asked.size === 0 ? path : `${path}?${asked}`,
      headers: { 'content-type': 'application/json' },
      place: field,
      signal,
      effect: 'none',
    })
    sum += array(body?.[field]).length
    token = text(body?.next_page_token)
  } while (token !== '')
  return sum
}
