import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import facts from '../../facts/azureml-resources.json' with { type: 'json' }
import { type Answer, settled, startTestRegion, type TestRegion } from '../testing/test-region.ts'

/*
 * What the table of resources says of each kind, asked of the region: one suite for every type, made
 * from the table, so that a kind added there is asked about at once.
 */

type Document = Record<string, unknown>
type Kind = (typeof facts.resources)[number]

const group = '/subscriptions/s/resourceGroups/rg'
const ours = 'Microsoft.MachineLearningServices'

/** The least that each kind accepts, where an empty document is not enough. */
const least: Record<string, Document> = {
  datastores: { datastoreType: 'AzureBlob', accountName: 'a', containerName: 'c' },
  computes: { computeType: 'AmlCompute', properties: { vmSize: 'Standard_DS3_v2' } },
  jobs: { jobType: 'Command', command: 'true' },
  schedules: {
    trigger: { triggerType: 'Cron', expression: '0 0 1 1 *' },
    action: { actionType: 'CreateJob', jobDefinition: { jobType: 'Command', command: 'true' } },
  },
  serverlessEndpoints: { modelSettings: { modelId: 'azureml://registries/r/models/m' } },
  connections: { category: 'ApiKey', target: 'https://t', authType: 'None' },
  outboundRules: { type: 'FQDN', destination: 'example.org', category: 'UserDefined' },
}

/** What of a version may not change. */
const payloads: Record<string, [field: string, first: unknown, other: unknown]> = {
  codes: ['codeUri', 'https://a/1', 'https://a/2'],
  data: ['dataUri', 'https://a/1', 'https://a/2'],
  models: ['modelUri', 'azureml://a', 'azureml://b'],
  environments: ['image', 'a', 'b'],
  components: ['componentSpec', { a: 1 }, { a: 2 }],
  featuresets: ['specification', { path: 'a' }, { path: 'b' }],
  featurestoreEntities: ['indexColumns', [{ columnName: 'a' }], [{ columnName: 'b' }]],
}

/** Not written by a client: features come from their set, connections from the network. */
const readOnlyKinds = ['workspaces/featuresets/versions/features']
const kinds = facts.resources
  .map((kind) => ({ ...kind, short: (kind.type.split(' ')[0] ?? '').replace(`${ours}/`, '') }))
  .filter(({ short }) => !readOnlyKinds.includes(short))

let region: TestRegion
beforeAll(async () => {
  region = await startTestRegion({ jobSlots: 0 })
  for (const owner of ['workspaces/w', 'registries/r'])
    await done('PUT', `${group}/providers/${ours}/${owner}`, { location: 'eastus' })
})
afterAll(() => region.stop())

const done = async (method: string, path: string, body?: unknown) =>
  settled(region.call, await region.call(method, path, body === undefined ? {} : { body }))
const get = async (path: string) => (await region.call('GET', path)).body as Document
const propertiesOf = async (path: string) => (await get(path)).properties as Document

/** The path of a resource of a kind, named after the test; parents are made when they need to be. */
async function pathOf(kind: Kind & { short: string }, name: string): Promise<string> {
  const [owner = '', ...segments] = kind.short.split('/')
  if (segments.length === 0) return `${group}/providers/${ours}/${owner}/${name}`
  const base = `${group}/providers/${ours}/${owner}/${owner === 'registries' ? 'r' : 'w'}`
  if (segments.length === 1) return `${base}/${segments[0]}/${name}`
  const parent = `${base}/${segments[0]}/parent-${name}`
  if (/Endpoints$/.test(segments[0] ?? '')) await done('PUT', parent, { properties: {} })
  return `${parent}/${segments[1]}/${name}`
}
function bodyOf(short: string, more: Document = {}): Document {
  const [, kind = '', below] = short.split('/')
  const payload = below === 'versions' ? payloads[kind] : undefined
  const properties = {
    ...(below === undefined || below === 'versions' ? least[kind] : {}),
    ...(payload && { [payload[0]]: payload[1] }),
    ...more,
  }
  return { location: 'eastus', properties }
}

/** How a write is to be answered, from the words of the table. */
function expectWrite(answer: Answer, put: string): void {
  const { status, headers } = answer
  if (/202 \+ Location/.test(put) && !/201/.test(put.split('(')[0] ?? '')) {
    expect(status).toBe(202)
    expect(headers.location).toContain('mfeOperationResults')
    expect(headers['retry-after']).toBe('1')
  } else if (/Azure-AsyncOperation|LRO/.test(put)) {
    expect(status).toBe(201)
    expect(headers['azure-asyncoperation']).toContain('mfeOperationsStatus')
    expect(headers['retry-after']).toBe('1')
  } else {
    expect([200, 201]).toContain(status)
    expect(headers).not.toHaveProperty('azure-asyncoperation')
    expect(headers).not.toHaveProperty('location')
  }
}

const unknown = {
  deep: [1, null, 'ü', { 'a.b': 1e300 }],
  empty: {},
  none: null,
  long: 'x'.repeat(99),
}
const nonsense = 'written-by-a-client'

/** Paths of plain fields: those inside lists and variants are tested beside `withoutReadOnly`. */
const plainPaths = (paths: readonly string[] = []) =>
  paths
    .filter((path) => path.includes('.') && !/[<[*]|^systemData|^identity/.test(path))
    .map((path) => path.split('.'))

function withField(
  document: Document,
  [key = '', ...rest]: readonly string[],
  value: unknown,
): Document {
  if (rest.length === 0) return { ...document, [key]: value }
  return { ...document, [key]: withField((document[key] ?? {}) as Document, rest, value) }
}
const fieldOf = (document: Document, path: readonly string[]): unknown =>
  path.reduce<unknown>((value, key) => (value as Document | undefined)?.[key], document)

describe.each(kinds)('$short', (kind) => {
  const { short } = kind
  const put = String((kind.lro as Record<string, string>).put ?? '')
  const isVersion = short.endsWith('/versions')

  it('is written, read, listed and deleted in its style, by any api-version', async () => {
    const path = await pathOf(kind, 'styled')
    const started = await region.call('PUT', `${path}?api-version=1999-01-01-preview`, {
      body: bodyOf(short),
    })
    expectWrite(started, put)
    expect((await settled(region.call, started)).status).toBeLessThan(300)
    const shown = await get(`${path}?api-version=2099-12-31`)
    expect(shown).toMatchObject({ id: path, name: 'styled', type: `${ours}/${short}` })
    expect(Object.keys(shown.systemData as object)).toContain('createdAt')
    const collection = path.slice(0, path.lastIndexOf('/'))
    const { value } = (await get(collection)) as { value: { name: string }[] }
    expect(value.map((one) => one.name)).toContain('styled')

    const gone = await region.call('DELETE', path)
    const isLong = /202/.test(String((kind.lro as Record<string, string>).delete ?? 'LRO 202'))
    if (put !== '' && kind.lro.delete !== undefined)
      expect(gone.status === 202).toBe(isLong || /LRO/.test(kind.lro.delete))
    await settled(region.call, gone)
    expect((await region.call('GET', path)).status).toBe(404)
    expect((await region.call('DELETE', path)).status).toBe(204)
  })

  it('keeps what it does not know, byte for byte', async () => {
    const path = await pathOf(kind, 'whole')
    await done('PUT', path, { ...bodyOf(short, { newInNextVersion: unknown }), alsoNew: unknown })
    const shown = await get(path)
    expect(JSON.stringify(shown.alsoNew)).toBe(JSON.stringify(unknown))
    const { newInNextVersion } = shown.properties as Document
    expect(JSON.stringify(newInNextVersion)).toBe(JSON.stringify(unknown))
  })

  it('takes service-made fields from nobody', async () => {
    const path = await pathOf(kind, 'made')
    const paths = plainPaths(kind.readOnly)
    const written = paths.reduce((body, one) => withField(body, one, nonsense), bodyOf(short))
    await done('PUT', path, {
      ...written,
      id: nonsense,
      name: nonsense,
      type: nonsense,
      systemData: nonsense,
    })
    const shown = await get(path)
    expect(shown.id).toBe(path)
    for (const one of paths) expect([one, fieldOf(shown, one)]).not.toEqual([one, nonsense])
  })

  it('is listed in pages that a link joins', async () => {
    const names = ['page-a', 'page-b', 'page-c']
    const [first = ''] = await Promise.all(names.map((name) => pathOf(kind, name)))
    // Versions and deployments page below one parent.
    const collection = first.slice(0, first.lastIndexOf('/'))
    for (const name of names) await done('PUT', `${collection}/${name}`, bodyOf(short))
    const seen: string[] = []
    let next: string | undefined = `${collection}?api-version=2026-05-01&count=1`
    for (let pages = 0; next !== undefined && pages < 100; pages += 1) {
      const page = (await get(next)) as { value: { name: string }[]; nextLink?: string }
      expect(page.value.length).toBeLessThanOrEqual(1)
      seen.push(...page.value.map((one) => one.name))
      next = page.nextLink
    }
    expect(seen.filter((name) => name.startsWith('page-'))).toEqual(names)
  })

  const view = kind.defaultListView
  if (view === 'ActiveOnly' || view === 'EnabledOnly')
    it(`lists ${view} unless it is asked for more`, async () => {
      const hidden = view === 'ActiveOnly' ? { isArchived: true } : { isEnabled: false }
      const shown = view === 'ActiveOnly' ? { isArchived: false } : { isEnabled: true }
      const path = await pathOf(kind, 'hidden')
      await done('PUT', path, bodyOf(short, hidden))
      const collection = path.slice(0, path.lastIndexOf('/'))
      const names = async (query: string) =>
        ((await get(`${collection}${query}`)) as { value: { name: string }[] }).value.map(
          (one) => one.name,
        )
      expect(await names('')).not.toContain('hidden')
      const only = view === 'ActiveOnly' ? 'ArchivedOnly' : 'DisabledOnly'
      expect(await names(`?listViewType=${only}`)).toContain('hidden')
      expect(await names('?listViewType=All')).toContain('hidden')
      await done('PUT', path, bodyOf(short, shown))
      expect(await names('')).toContain('hidden')
    })

  if (isVersion)
    it('keeps its payload, and the container counts on', async () => {
      const [, segment = ''] = short.split('/')
      const [field = '', , other] = payloads[segment] ?? []
      const path = (await pathOf(kind, 'x')).replace(/[^/]+$/, '41')
      await done('PUT', path, bodyOf(short, { isAnonymous: true }))
      const refused = await done('PUT', path, bodyOf(short, { [field]: other }))
      expect(refused).toMatchObject({ status: 400, body: { error: { code: 'UserError' } } })
      const tagged = await done('PUT', path, bodyOf(short, { tags: { a: 'b' }, isAnonymous: true }))
      expect(tagged.status).toBeLessThan(300)
      expect(await propertiesOf(path)).toMatchObject({ tags: { a: 'b' }, isAnonymous: true })
      const container = path.slice(0, path.lastIndexOf('/versions/'))
      expect(await propertiesOf(container)).toMatchObject({
        latestVersion: '41',
        nextVersion: '42',
      })
    })

  const secret = (kind.writeOnly as readonly string[]).includes('properties.keys')
    ? { keys: { primaryKey: 'top-secret-1', secondaryKey: 'top-secret-2' } }
    : kind.writeOnly.length > 0
      ? { credentials: { credentialsType: 'AccountKey', secrets: { key: 'top-secret-1' } } }
      : undefined
  if (secret)
    it('shows what is write-only to none but those who ask for it', async () => {
      const path = await pathOf(kind, 'secretive')
      const written = await done('PUT', path, bodyOf(short, secret))
      const collection = path.slice(0, path.lastIndexOf('/'))
      for (const shown of [written.body, await get(path), await get(collection)])
        expect(JSON.stringify(shown)).not.toContain('top-secret')
      const action = 'keys' in secret ? 'listKeys' : 'listSecrets'
      const asked = await region.call('POST', `${path}/${action}`)
      expect(JSON.stringify(asked.body)).toContain('top-secret-1')
    })
})

describe('the table', () => {
  it('names the kinds that this suite asks about', () => {
    expect(kinds.length).toBe(facts.resources.length - readOnlyKinds.length)
    expect(kinds.length).toBeGreaterThanOrEqual(36)
  })

  it.each(['features', 'outboundNetworkDependenciesEndpoints'])(
    'has reads that a local region owns not to know: %s',
    async (path) => {
      const workspace = `${group}/providers/${ours}/workspaces/w`
      expect((await region.call('GET', `${workspace}/${path}`)).status).toBe(501)
    },
  )
})
