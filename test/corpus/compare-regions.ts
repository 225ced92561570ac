import { isDeepStrictEqual } from 'node:util'
import type { Call } from '../../src/region/testing/test-region.ts'
import type { Side } from './regions.ts'

/**
 * Compares two workspaces by plain REST, with a relocation of its own: what replication believes is
 * not asked, so a mistake that it shares with its own comparison shows here.
 */
export interface Comparison {
  readonly kind: string
  readonly primary: number
  readonly equal: number
  /** Not copied, as documented: what the service makes in every workspace, and compute instances. */
  readonly left: number
  readonly differences: readonly Difference[]
}

export interface Difference {
  readonly name: string
  readonly why: string
}

type Body = Record<string, unknown>

interface Collection {
  readonly kind: string
  readonly path: string
  /** Collection below each object of `path`. */
  readonly below?: { readonly kind: string; readonly path: string }
  readonly query?: string
  /** POST that answers secrets, which have to be the same too. */
  readonly secrets?: string
}

const all = '&listViewType=All'
const collections: readonly Collection[] = [
  { kind: 'datastore', path: 'datastores', secrets: 'listSecrets' },
  { kind: 'connection', path: 'connections', query: '&includeAll=true', secrets: 'listsecrets' },
  { kind: 'compute', path: 'computes' },
  ...[
    'codes',
    'environments',
    'data',
    'models',
    'components',
    'featurestoreEntities',
    'featuresets',
  ].map((path) => ({
    kind: `${path} (container)`,
    path,
    query: all,
    below: { kind: path, path: 'versions' },
  })),
  {
    kind: 'online endpoint',
    path: 'onlineEndpoints',
    secrets: 'listKeys',
    below: { kind: 'online deployment', path: 'deployments' },
  },
  {
    kind: 'batch endpoint',
    path: 'batchEndpoints',
    secrets: 'listkeys',
    below: { kind: 'batch deployment', path: 'deployments' },
  },
  { kind: 'schedule', path: 'schedules', query: all },
  { kind: 'job', path: 'jobs', query: all },
]

const definitions = collections
  .filter(({ kind }) => kind !== 'job' && !kind.startsWith('codes'))
  .map(({ secrets: _secrets, ...one }) => one)

const version = 'api-version=2025-12-01'

/** Definitions only: no secrets, no bytes, nothing that ran. */
export interface CompareOptions {
  readonly definitionsOnly?: boolean
}

export async function compareRegions(
  primary: Side,
  secondary: Side,
  { definitionsOnly = false }: CompareOptions = {},
): Promise<Comparison[]> {
  const relocate = await relocation(primary, secondary)
  const plain = (kind: string, body: Body | undefined) => {
    const kept = canonical(kind, body)
    // The order in which versions were made is not in their specifications.
    return definitionsOnly && kept !== undefined ? withoutProperty(kept, 'latestVersion') : kept
  }
  const results: Comparison[] = []
  const compare = async (
    one: Collection,
    path: string,
    at: readonly string[],
  ): Promise<Comparison> => {
    const [here, there] = await Promise.all([
      listAll(primary, path, one.query),
      listAll(secondary, path, one.query),
    ])
    const found = new Map(there.map((body) => [nameAtOrigin(one.kind, body), body]))
    const differences: Difference[] = []
    let left = 0
    for (const body of here) {
      const name = [...at, String(body.name)].join('/')
      // What has no name is there when something named holds it; that shows in what holds it.
      const isNameless = definitionsOnly && at.some((parent) => /anonymous/i.test(parent))
      if (isNameless || isLeft(one.kind, body, definitionsOnly)) {
        left += 1
        continue
      }
      const why =
        explain(plain(one.kind, relocate(body)), plain(one.kind, found.get(String(body.name)))) ??
        (await explainSecrets(primary, secondary, one, `${path}/${body.name}`))
      if (why !== undefined) differences.push({ name, why })
    }
    const equal = here.length - left - differences.length
    return { kind: one.kind, primary: here.length, equal, left, differences }
  }
  for (const one of definitionsOnly ? definitions : collections) {
    results.push(await compare(one, one.path, []))
    const { below } = one
    if (below === undefined) continue
    const parents = await listAll(primary, one.path, one.query)
    const parts: Comparison[] = []
    for (const parent of parents) {
      const path = `${one.path}/${parent.name}/${below.path}`
      parts.push(
        await compare({ ...below, ...(one.query ? { query: one.query } : {}) }, path, [
          String(parent.name),
        ]),
      )
    }
    results.push(sum(below.kind, parts))
  }
  if (definitionsOnly) return results
  results.push(await compareBlobs(primary, secondary), await compareRuns(primary, secondary))
  return results
}

function sum(kind: string, parts: readonly Comparison[]): Comparison {
  const total = (of: (part: Comparison) => number) => parts.reduce((n, part) => n + of(part), 0)
  return {
    kind,
    primary: total((part) => part.primary),
    equal: total((part) => part.equal),
    left: total((part) => part.left),
    differences: parts.flatMap((part) => part.differences),
  }
}

async function listAll(side: Side, path: string, query = ''): Promise<Body[]> {
  const items: Body[] = []
  let next: string | undefined = `${side.workspaceId}/${path}?${version}${query}`
  while (next !== undefined) {
    const answer: { status: number; body: unknown } = await side.region.call('GET', next)
    if (answer.status === 404) return []
    if (answer.status !== 200) throw new Error(`GET ${path} answers ${answer.status}`)
    const page = answer.body as { value: Body[]; nextLink?: string }
    items.push(...page.value)
    next = page.nextLink ?? undefined
  }
  return items
}

/** A job that moved runs under a successor's name. */
function nameAtOrigin(kind: string, body: Body): string {
  const name = String(body.name)
  return kind === 'job' ? name.replace(/-e\d+$/, '') : name
}

const systemDatastores = /^(workspace(blob|artifact|file)store|workspaceworkingdirectory)$/

function isLeft(kind: string, body: Body, definitionsOnly: boolean): boolean {
  if (kind === 'datastore') return systemDatastores.test(String(body.name))
  return (
    !definitionsOnly && kind === 'compute' && properties(body).computeType === 'ComputeInstance'
  )
}

const properties = (body: Body): Body => (body.properties ?? {}) as Body

const serverMade = [
  'provisioningState',
  'scoringUri',
  'swaggerUri',
  'createdOn',
  'modifiedOn',
  'status',
]

/** What a client wrote, in one spelling: nothing that a service stamps by itself. */
function canonical(kind: string, body: Body | undefined): Body | undefined {
  if (body === undefined) return undefined
  const { id: _id, systemData: _made, etag: _etag, name: _name, ...rest } = body
  const plain = Object.fromEntries(
    Object.entries(properties(body)).filter(([key]) => !serverMade.includes(key)),
  )
  if (kind === 'compute') plain.properties = withoutState(plain.properties)
  // Off at the secondary on purpose; the failover turns on what was on.
  if (kind === 'schedule') delete plain.isEnabled
  // Which nameless one came last means nothing.
  if (/anonymous/i.test(String(body.name))) delete plain.latestVersion
  if (kind === 'job') {
    plain.tags = Object.fromEntries(
      Object.entries((plain.tags ?? {}) as Body).filter(([tag]) => !tag.startsWith('holdfast.')),
    )
    plain.displayName = undefined
    const { _azureml: _ownName, ...given } = (plain.properties ?? {}) as Body
    plain.properties = given
  }
  return sorted({ ...rest, ...identityOf(rest), properties: plain }) as Body
}

/** Its principal is another one at each side. */
function identityOf({ identity }: Body): Body {
  if (identity === undefined) return {}
  const { principalId: _principal, tenantId: _tenant, ...given } = identity as Body
  return { identity: given }
}

/** How many nodes run now, and since when. */
function withoutState(cluster: unknown): Body {
  const state = /^(allocationState|currentNode|targetNode|nodeState|errors|lastOperation|state$)/
  return Object.fromEntries(
    Object.entries((cluster ?? {}) as Body).filter(([key]) => !state.test(key)),
  )
}

function withoutProperty(body: Body, key: string): Body {
  const { [key]: _dropped, ...rest } = properties(body)
  return { ...body, properties: rest }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, child]) => child !== null && child !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, child]) => [key, sorted(child)]),
  )
}

function explain(here: unknown, there: unknown, path = ''): string | undefined {
  if (isDeepStrictEqual(here, there)) return undefined
  if (there === undefined && path === '') return 'missing'
  if (!isBody(here) || !isBody(there)) return `${path}: ${shown(here)} became ${shown(there)}`
  for (const key of new Set([...Object.keys(here), ...Object.keys(there)])) {
    const why = explain(here[key], there[key], path === '' ? key : `${path}.${key}`)
    if (why !== undefined) return why
  }
  return undefined
}

const isBody = (value: unknown): value is Body => typeof value === 'object' && value !== null
const shown = (value: unknown) => (JSON.stringify(value) ?? 'nothing').slice(0, 160)

async function explainSecrets(
  primary: Side,
  secondary: Side,
  { secrets }: Collection,
  path: string,
): Promise<string | undefined> {
  if (secrets === undefined) return undefined
  const [here, there] = await Promise.all(
    [primary, secondary].map(async ({ region, workspaceId }) => {
      const url = `${workspaceId}/${path}/${secrets}?${version}`
      const { status, body } = await region.call('POST', url, { body: {} })
      if (status !== 200) return status
      const { credentials } = properties(body as Body)
      return path.startsWith('connections') ? credentials : body
    }),
  )
  return isDeepStrictEqual(here, there) ? undefined : `${secrets} answers differ`
}

/** Text for text: every name of the primary's places becomes the secondary's. */
async function relocation(primary: Side, secondary: Side): Promise<(body: Body) => Body> {
  const [from, to] = await Promise.all([placesOf(primary), placesOf(secondary)])
  return (body) => {
    let text = JSON.stringify(body)
    for (const [index, name] of from.entries())
      text = text.replaceAll(new RegExp(escaped(name), 'gi'), () => to[index] ?? '')
    const moved = JSON.parse(text) as Body
    const inner = properties(moved)
    if (moved.location === primary.location) moved.location = secondary.location
    if (inner.computeLocation === primary.location) inner.computeLocation = secondary.location
    return moved
  }
}

/** Long names first: an address holds the account's name. */
async function placesOf({ region, workspaceId }: Side): Promise<string[]> {
  const call: Call = region.call
  const { body } = await call('GET', `${workspaceId}?${version}`)
  const { storageAccount, workspaceId: guid } = properties(body as Body) as Record<string, string>
  return [
    workspaceId,
    storageAccount ?? '',
    region.region.storageOrigin,
    region.region.origin,
    guid ?? '',
    storageAccount?.split('/').at(-1) ?? '',
  ]
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

async function compareBlobs(primary: Side, secondary: Side): Promise<Comparison> {
  const differences: Difference[] = []
  let count = 0
  for (const store of await primary.workspace.listBlobStores()) {
    const [here, there] = await Promise.all(
      [primary, secondary].map((side) => blobsOf(side, store)),
    )
    for (const [name, facts] of here ?? []) {
      count += 1
      const why = explain(facts, there?.get(name))
      if (why !== undefined) differences.push({ name: `${store}/${name}`, why })
    }
  }
  return { kind: 'blob', primary: count, equal: count - differences.length, left: 0, differences }
}

async function blobsOf({ workspace }: Side, store: string): Promise<Map<string, Body>> {
  const found = new Map<string, Body>()
  let cursor: string | undefined
  do {
    const page = await workspace.listBlobs(store, cursor === undefined ? {} : { cursor })
    for (const { name, sizeBytes, contentMd5, metadata } of page.items)
      found.set(name, { sizeBytes, contentMd5, metadata })
    cursor = page.cursor
  } while (cursor !== undefined)
  return found
}

async function compareRuns(primary: Side, secondary: Side): Promise<Comparison> {
  const [here, there] = await Promise.all([runsOf(primary), runsOf(secondary)])
  const differences = [...here].flatMap(([name, facts]) => {
    const why = explain(facts, there.get(name))
    return why === undefined ? [] : [{ name, why }]
  })
  return {
    kind: 'run',
    primary: here.size,
    equal: here.size - differences.length,
    left: 0,
    differences,
  }
}

async function runsOf({ region, workspaceId }: Side): Promise<Map<string, Body>> {
  const found = new Map<string, Body>()
  let continuationToken: string | undefined
  do {
    const url = `${region.region.origin}/history/v1.0${workspaceId}/runs:query`
    const answer = await region.call('POST', url, { body: { top: 200, continuationToken } })
    if (answer.status !== 200) throw new Error(`runs:query answers ${answer.status}`)
    const page = answer.body as { value: Body[]; continuationToken?: string }
    for (const run of page.value) {
      const { runId, displayName, status, runType, tags, description, parentRunId } = run
      found.set(
        String(runId),
        sorted({ displayName, status, runType, tags, description, parentRunId }) as Body,
      )
    }
    continuationToken = page.continuationToken ?? undefined
  } while (continuationToken !== undefined)
  return found
}
