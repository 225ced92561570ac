import resourceFacts from '../../facts/azureml-resources.json' with { type: 'json' }
import { type ArmResource, AzureError } from '../context.ts'
import type { ArmStore, ListedResource } from '../store/resource-store.ts'
import { asRecord, asText, type Document } from './document.ts'

type Query = Readonly<Record<string, string>>
type Filter = (resource: ArmResource) => boolean

export interface ListPage {
  readonly resources: readonly ArmResource[]
  /** `$skip` of the next page; undefined on the last one. */
  readonly skip: string | undefined
}

/** Lists that hide data unless asked otherwise (facts, section 1). */
const activeOnly = new Set<string>()
const enabledOnly = new Set<string>()
for (const { type, defaultListView } of resourceFacts.resources) {
  if (defaultListView === 'ActiveOnly') activeOnly.add(type.toLowerCase())
  if (defaultListView === 'EnabledOnly') enabledOnly.add(type.toLowerCase())
}
const datastores = 'microsoft.machinelearningservices/workspaces/datastores'
const jobs = 'microsoft.machinelearningservices/workspaces/jobs'
const largestPage = 1000

/** One page of a collection, in creation order unless the query orders it otherwise. */
export function listPage(store: ArmStore, scope: string, type: string, query: Query): ListPage {
  const key = type.toLowerCase()
  const filters = [viewFilter(key, query), ...fieldFilters(key, query)]
  const newestFirst = isNewestFirst(query)
  const total = wholeNumber(query, '$top')
  const size = Math.min(pageSize(key, query), total ?? largestPage)
  const token = query.$skip ?? query.$skiptoken
  let afterSeq = token === undefined ? undefined : seqOf(token)
  const found: ListedResource[] = []
  // One more than the page shows whether there is a next one; sparse matches are read in bulk.
  const limit = Math.max(size + 1, 200)
  while (found.length <= size) {
    const batch = store.scan(scope, type, {
      ...(afterSeq !== undefined && { afterSeq }),
      limit,
      newestFirst,
    })
    found.push(...batch.filter(({ resource }) => filters.every((matches) => matches(resource))))
    if (batch.length < limit) break
    afterSeq = batch.at(-1)?.seq
  }
  const page = found.slice(0, size)
  const last = page.at(-1)
  const hasMore = found.length > size && last !== undefined && total === undefined
  return {
    resources: page.map((entry) => entry.resource),
    skip: hasMore ? tokenOf(last.seq) : undefined,
  }
}

function viewFilter(key: string, query: Query): Filter {
  const view = query.listViewType?.toLowerCase()
  const flag = (resource: ArmResource, name: string) =>
    asRecord(resource.body.properties)[name] as unknown
  if (enabledOnly.has(key)) {
    if (view === 'all') return () => true
    const enabled = view !== 'disabledonly'
    return (resource) => (flag(resource, 'isEnabled') !== false) === enabled
  }
  if (!activeOnly.has(key) && key !== jobs) return () => true
  switch (view ?? (key === jobs ? 'all' : 'activeonly')) {
    case 'all':
      return () => true
    case 'archivedonly':
      return (resource) => flag(resource, 'isArchived') === true
    case 'activeonly':
      return (resource) => flag(resource, 'isArchived') !== true
    default:
      throw invalid('listViewType', query.listViewType)
  }
}

function fieldFilters(key: string, query: Query): Filter[] {
  const filters: Filter[] = []
  const property = (resource: ArmResource, name: string) =>
    asRecord(resource.body.properties)[name] as unknown
  const when = (name: string, make: (value: string) => Filter) => {
    const value = query[name]
    if (value !== undefined && value !== '') filters.push(make(value))
  }
  const equals = (name: string, field = name) =>
    when(name, (value) => (resource) => textEquals(property(resource, field), value))

  const named = key === datastores ? query.names : (query.name ?? query.versionName)
  if (named) {
    const names = new Set(named.split(',').map((name) => name.trim().toLowerCase()))
    filters.push((resource) => names.has(resource.name.toLowerCase()))
  }
  when('searchText', (value) => (resource) => contains(resource.name, value))
  when(
    'isDefault',
    (value) => (resource) => (property(resource, 'isDefault') === true) === (value === 'true'),
  )
  if (key.endsWith('/versions'))
    when('version', (value) => (resource) => textEquals(resource.name, value))
  when('description', (value) => (resource) => contains(property(resource, 'description'), value))
  when(
    'hash',
    (value) => (resource) => asRecord(property(resource, 'properties')).hash_sha256 === value,
  )
  when(
    'hashVersion',
    (value) => (resource) => asRecord(property(resource, 'properties')).hash_version === value,
  )
  equals('target')
  equals('category')
  equals('jobType')
  equals('stage')
  equals('computeType')
  when('tags', (value) => (resource) => hasPairs(property(resource, 'tags'), value))
  when('tag', (value) => (resource) => hasPairs(property(resource, 'tags'), value))
  when('properties', (value) => (resource) => hasPairs(property(resource, 'properties'), value))
  return filters
}

/** `a,b=c`: has the name a, and the name b with the value c. */
function hasPairs(map: unknown, wanted: string): boolean {
  const pairs: Document = asRecord(map)
  return wanted.split(',').every((part) => {
    const [name = '', value] = part.split('=', 2)
    return Object.hasOwn(pairs, name) && (value === undefined || pairs[name] === value)
  })
}

const textEquals = (value: unknown, wanted: string) =>
  typeof value === 'string' && value.toLowerCase() === wanted.toLowerCase()
const contains = (value: unknown, wanted: string) =>
  (asText(value) ?? '').toLowerCase().includes(wanted.toLowerCase())

function isNewestFirst(query: Query): boolean {
  const order = query.$orderBy ?? query.$orderby ?? query.orderBy
  if (order === undefined || order === '') return false
  const [, field = '', direction = 'asc'] = /^(\w+)(?:\s+(asc|desc))?$/i.exec(order.trim()) ?? []
  const byCreation = ['createdtime', 'createdat', 'createdtimeutc', 'creationtime']
  if (!byCreation.includes(field.toLowerCase())) throw invalid('$orderBy', order)
  return direction.toLowerCase() === 'desc' || query.orderByAsc === 'false'
}

function pageSize(key: string, query: Query): number {
  const asked = wholeNumber(query, 'count') ?? wholeNumber(query, 'pageSize')
  return Math.min(asked ?? (key === datastores ? 30 : 100), largestPage)
}

function wholeNumber(query: Query, name: string): number | undefined {
  const text = query[name]
  if (text === undefined || text === '') return undefined
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw invalid(name, text)
  return value
}

/** Tokens carry a place in creation order, so that writes between pages neither repeat nor skip. */
const tokenOf = (seq: number) => Buffer.from(`s${seq}`).toString('base64url')
function seqOf(token: string): number {
  const [, digits] = /^s(\d{1,15})$/.exec(Buffer.from(token, 'base64url').toString('utf8')) ?? []
  if (digits === undefined) throw invalid('$skip', token)
  return Number(digits)
}

const invalid = (name: string, value: string | undefined) =>
  new AzureError(400, 'InvalidQueryParameter', `The query parameter ${name}='${value}' is invalid.`)
