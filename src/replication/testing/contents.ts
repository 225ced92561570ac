import { isObject } from '../../model/field-path.ts'
import type { Json, JsonObject } from '../../model/json.ts'
import { armKinds } from '../../model/kinds.ts'
import { collect } from '../../workspace/pages.ts'
import type { Workspace } from '../../workspace/workspace.ts'
import { guidPartOf } from './nested-pipelines.ts'

/**
 * Everything a workspace holds, by name, as text in the terms of member `as`. Knows nothing of
 * digests, canonical forms or relocation: a second opinion about what replication calls equal.
 */
export async function contentsOf(
  workspace: Workspace,
  as: string,
): Promise<Record<string, string>> {
  const all: Record<string, string> = {}
  const say = (name: string, value: Json) => {
    all[name] = inTermsOf(workspace.name, as, JSON.stringify(sorted(value)))
  }
  for (const { kind } of armKinds)
    for (const { id, body } of await collect((page) => workspace.listObjects(kind, page))) {
      const secrets = await workspace.readSecrets(id)
      say(`${kind} ${id.path.join(' ')}`, {
        body: withoutServiceFields(body),
        secrets: secrets?.reveal() ?? null,
      })
    }
  for (const { experimentId: _, ...one } of await collect((page) =>
    workspace.listExperiments(page),
  ))
    say(`experiment ${one.name}`, { ...one, description: one.description ?? '' })
  for (const run of await collect((page) => workspace.listRuns(page))) {
    const values = await collect((page) => workspace.readMetrics(run.runId, page))
    const { revision: _r, lastModifiedUtc: _l, ...body } = run.body
    say(`run ${run.runId}`, {
      body,
      experiment: run.experimentName,
      status: run.status,
      values: values as unknown as Json[],
    })
  }
  for (const store of await workspace.listBlobStores())
    for (const { name, metadata, contentType } of await collect((page) =>
      workspace.listBlobs(store, page),
    )) {
      const content = await new Response(await workspace.readBlob(store, name)).text()
      say(`blob ${store} ${name}`, { content, metadata, contentType: contentType ?? '' })
    }
  return all
}

function withoutServiceFields(body: JsonObject): JsonObject {
  const { id: _i, name: _n, type: _t, systemData: _s, properties, ...rest } = body
  const { provisioningState: _p, ...kept } = isObject(properties) ? properties : {}
  const plain = Object.fromEntries(Object.entries(kept).filter(([, value]) => !isNothing(value)))
  return { ...rest, properties: plain }
}

/** A service answers `false` and `{}` where nobody said anything. */
function isNothing(value: Json | undefined): boolean {
  return value === false || (isObject(value) && Object.keys(value).length === 0)
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key] ?? null)]),
  )
}

function inTermsOf(from: string, to: string, text: string): string {
  return text
    .replaceAll(new RegExp(`(ws|rg)-${from}`, 'gi'), `$1-${to}`)
    .replaceAll(`"location":"${from}"`, `"location":"${to}"`)
    .replaceAll(`locations/${from}/workspaces/`, `locations/${to}/workspaces/`)
    .replaceAll(guidPartOf(from), guidPartOf(to))
}
