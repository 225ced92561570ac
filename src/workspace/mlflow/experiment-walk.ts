import type { JsonObject } from '../../model/json.ts'
import { readCursor } from '../pages.ts'
import type { CallOptions, Page, PageOptions } from '../workspace.ts'
import type { MlflowExperiments } from './mlflow-experiments.ts'
import { text } from './run-document.ts'

/** Where a walk through everything of all experiments stands. */
interface Walk {
  /** Experiments being searched; absent: the next page of experiments is to be read first. */
  readonly ids?: readonly string[]
  /** Token of the next page of experiments; '' before the first, undefined after the last. */
  readonly more: string | undefined
  /** Token inside the search. */
  readonly inner?: string
}

const experimentsPerSearch = 100

/** One page of what `search` finds in all experiments, or in one; deleted ones included. */
export async function walkExperiments<T>(
  experiments: MlflowExperiments,
  options: PageOptions & { readonly experiment?: string },
  search: (ids: readonly string[], token: string | undefined) => Promise<JsonObject | undefined>,
  itemsOf: (body: JsonObject | undefined) => Promise<readonly T[]>,
): Promise<Page<T>> {
  const at: Walk =
    options.cursor === undefined
      ? await startOf(experiments, options)
      : readCursor<Walk>(options.cursor, ['ids'])
  const isNext = at.ids === undefined && at.more !== undefined
  const here = isNext ? await nextExperiments(experiments, at, options) : at
  if (here.ids === undefined) return paged([], here)
  const body = await search(here.ids, here.inner)
  const items = await itemsOf(body)
  const inner = text(body?.next_page_token)
  return paged(items, inner === '' ? { more: here.more } : { ...here, inner })
}

async function startOf(
  experiments: MlflowExperiments,
  { experiment, signal }: CallOptions & { readonly experiment?: string },
): Promise<Walk> {
  if (experiment === undefined) return { more: '' }
  const id = await experiments.id(experiment, signal === undefined ? {} : { signal })
  return { ...(id === undefined ? {} : { ids: [id] }), more: undefined }
}

async function nextExperiments(
  experiments: MlflowExperiments,
  { more }: Walk,
  { signal }: CallOptions,
): Promise<Walk> {
  const found = await experiments.list({
    pageSize: experimentsPerSearch,
    ...(signal === undefined ? {} : { signal }),
    ...(more ? { cursor: more } : {}),
  })
  const ids = found.items.map((one) => one.experimentId ?? '')
  return ids.length === 0 ? { more: found.cursor } : { ids, more: found.cursor }
}

function paged<T>(items: readonly T[], next: Walk): Page<T> {
  const ended = next.ids === undefined && next.more === undefined
  return ended ? { items } : { items, cursor: JSON.stringify(next) }
}
