import { isObject } from '../../model/field-path.ts'
import { collect } from '../pages.ts'
import type { CallOptions, NotProtected } from '../workspace.ts'
import type { HttpClient } from './http-client.ts'
import type { RunHistory } from './run-history.ts'

const experimentsPerSearch = 50

/**
 * Logged models of MLflow 3: their ids are minted by the service, and no API of Azure ML takes one
 * under the id it had. `mlflow`: base of the workspace's MLflow API.
 */
export async function findNotProtected(
  http: HttpClient,
  history: RunHistory,
  mlflow: string,
  options: CallOptions,
): Promise<readonly NotProtected[]> {
  const experiments = await collect((page) => history.experiments(page), options)
  const ids = experiments.flatMap(({ experimentId }) => experimentId ?? [])
  let count = 0
  for (let from = 0; from < ids.length; from += experimentsPerSearch)
    count += await countIn(http, mlflow, ids.slice(from, from + experimentsPerSearch), options)
  const reason = 'the service makes their ids itself and they lie outside of the registry'
  return count === 0 ? [] : [{ what: 'logged models of MLflow 3', count, reason }]
}

async function countIn(
  http: HttpClient,
  mlflow: string,
  experimentIds: readonly string[],
  { signal }: CallOptions,
): Promise<number> {
  let count = 0
  let token: string | undefined
  do {
    const { status, body } = await http.send({
      method: 'POST',
      url: `${mlflow}/api/2.0/mlflow/logged-models/search`,
      body: {
        experiment_ids: experimentIds,
        ...(token === undefined ? {} : { page_token: token }),
      },
      place: 'logged models',
      signal,
      // A region whose tracking server is older has none.
      accept: [404],
    })
    const answer = status === 404 || !isObject(body) ? {} : body
    count += Array.isArray(answer.models) ? answer.models.length : 0
    token = typeof answer.next_page_token === 'string' ? answer.next_page_token : undefined
  } while (token !== undefined && token !== '')
  return count
}
