import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answer, settled, startTestRegion, type TestRegion } from '../testing/test-region.ts'
import type { CoveredOperation } from './coverage.ts'

let region: TestRegion
let operations: CoveredOperation[]
const workspace =
  '/subscriptions/s1/resourceGroups/rg1/providers/Microsoft.MachineLearningServices/workspaces/w1'

beforeAll(async () => {
  region = await startTestRegion()
  const { call } = region
  const group = '/subscriptions/s1/resourceGroups/rg1/providers'
  await call('PUT', `${group}/Microsoft.KeyVault/vaults/kv1`, { body: { location: 'eastus' } })
  await call('PUT', `${group}/Microsoft.Storage/storageAccounts/acct`, { body: {} })
  await settled(call, await call('PUT', workspace, { body: { location: 'eastus' } }))
  const token = await region.token(region.region.origin)
  const answer = await call('GET', '/_region/coverage', { token })
  operations = (answer.body as { value: CoveredOperation[] }).value
})
afterAll(() => region.stop())

/** Names that exist where a path needs what is above; all others name nothing. */
const names: Record<string, string> = {
  ...{ subscription: 's1', subscriptionId: 's1', group: 'rg1', resourceGroupName: 'rg1' },
  ...{ workspace: 'w1', workspaceName: 'w1', vault: 'kv1' },
}
const filled = (path: string) =>
  path.replace(/\{(\w+)\}/g, (_all, name: string) => names[name] ?? 'nothing1')

async function ask({ service, method, path }: CoveredOperation): Promise<Answer> {
  const storage = service === 'Blob' || service === 'File'
  const audience = storage
    ? 'https://storage.azure.com'
    : service === 'Key Vault'
      ? 'https://vault.azure.net'
      : 'https://management.azure.com'
  const isDeletedWorkspace = method === 'DELETE' && /\/workspaces\/\{\w+\}$/.test(path)
  const url = isDeletedWorkspace ? filled(path).replace('/w1', '/nothing1') : filled(path)
  return region.call(method, storage ? storageUrl(service, path) : url, {
    token: await region.token(audience),
    ...(method !== 'GET' && method !== 'HEAD' && { body: {} }),
    ...(storage && {
      headers: {
        ...{ 'x-ms-version': '2025-01-05', 'x-ms-file-request-intent': 'backup' },
        'content-type': 'text/plain',
        host: `acct.${service.toLowerCase()}.core.localhost`,
      },
    }),
  })
}

const restypes = new Set(['container', 'share', 'directory', 'service', 'account'])
function storageUrl(service: string, path: string): string {
  const [level = '', ...words] = path.split(' ')
  const restype = restypes.has(words[0] ?? '') ? words.shift() : undefined
  const query = new URLSearchParams({
    ...(restype !== undefined && { restype }),
    ...(words[0] !== undefined && { comp: words[0] }),
  })
  const place = { service: '/', container: '/con1', blob: '/con1/b1' }[level] ?? ''
  expect(service).toMatch(/^(Blob|File)$/)
  return `${region.region.storageOrigin}${place}?${query}`
}

describe('coverage', () => {
  it('knows every service, and what of it is not offered', () => {
    const services = new Set(operations.map(({ service }) => service))
    expect([...services]).toEqual(
      expect.arrayContaining(['Resource manager', 'MLflow', 'Run history v1.0', 'Blob', 'File']),
    )
    expect(operations.length).toBeGreaterThan(300)
    expect(operations.some(({ supported }) => !supported)).toBe(true)
  })

  it('is what the region does: 501 for what it does not offer, and for nothing else', async () => {
    const wrong: string[] = []
    for (const operation of operations) {
      const { status, body } = await ask(operation)
      const { service, method, path, supported } = operation
      const line = `${service}: ${method} ${path} is ${supported ? '' : 'not '}supported and answers ${status}`
      if ((status === 501) === supported) wrong.push(line)
      if (
        !supported &&
        method !== 'HEAD' &&
        !/not ?(?:Implemented|offer)|no service/i.test(JSON.stringify(body))
      )
        wrong.push(`${line} without saying so`)
    }
    expect(wrong).toEqual([])
  }, 120_000)

  it('is 501 also where nobody has heard of the service', async () => {
    expect(await region.call('GET', '/jasmine/v1.0/labels')).toMatchObject({
      status: 501,
      body: { error: { code: 'NotImplemented' } },
    })
    expect(await region.call('GET', `${workspace}/inferencePools`)).toMatchObject({ status: 501 })
  })
})
