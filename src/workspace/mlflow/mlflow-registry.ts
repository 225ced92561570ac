import type { Page, PageOptions, WorkspaceObject } from '../workspace.ts'
import type { MlflowHttp } from './mlflow-http.ts'
import { array, object, text } from './run-document.ts'

/** Registered models; prompts are among them. Enough to say that they are there. */
export async function listRegisteredModels(
  http: MlflowHttp,
  options: PageOptions,
): Promise<Page<WorkspaceObject>> {
  const query = new URLSearchParams({ max_results: String(options.pageSize ?? 100) })
  if (options.cursor !== undefined) query.set('page_token', options.cursor)
  const body = await http.json({
    method: 'GET',
    path: `/api/2.0/mlflow/registered-models/search?${query}`,
    place: 'registered models',
    signal: options.signal,
    effect: 'none',
  })
  const items = array(body?.registered_models).map((one): WorkspaceObject => {
    const { name, description = '' } = object(one)
    return {
      id: { kind: 'model-container', path: [text(name)] },
      body: { properties: { description } },
    }
  })
  const cursor = text(body?.next_page_token)
  return { items, ...(cursor === '' ? {} : { cursor }) }
}
