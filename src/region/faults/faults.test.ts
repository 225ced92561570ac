import { dirname } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startTestRegion, type TestRegion } from '../testing/test-region.ts'

let region: TestRegion
let admin: string

beforeAll(async () => {
  region = await startTestRegion()
  admin = await region.token(region.region.origin)
})
afterAll(() => region.stop())
afterEach(() => region.call('DELETE', '/_region/faults', { token: admin }))

const set = async (fault: object) => {
  const answer = await region.call('POST', '/_region/faults', { token: admin, body: fault })
  expect(answer.status).toBe(201)
  return answer.body as { id: string }
}
const ask = (path = '/subscriptions') => region.call('GET', path)

describe('faults', () => {
  it('down cuts the connection on both listeners, and sign-in and switches stay', async () => {
    await ask()
    await set({ kind: 'down' })
    await expect(ask()).rejects.toThrow()
    await expect(ask(`${region.region.storageOrigin}/a/b/c`)).rejects.toThrow()
    expect(await region.token('https://ml.azure.com')).toBeTruthy()
    expect((await region.call('GET', '/_region/faults', { token: admin })).body).toMatchObject({
      value: [{ kind: 'down', scope: 'region', share: 1 }],
    })
  })

  it('hit only the service or path they are for', async () => {
    await set({ kind: 'down', scope: { service: 'blob' } })
    await set({ kind: 'throttle', scope: { path: '/workspaces/w1(/|$)' }, retryAfterSeconds: 7 })
    expect((await ask()).status).toBe(200)
    const hit = await ask(
      '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/Workspaces/w1',
    )
    expect(hit).toMatchObject({ status: 429, body: { error: { code: 'TooManyRequests' } } })
    expect(hit.headers['retry-after']).toBe('7')
  })

  it('pause holds requests back and then lets them go on', async () => {
    const { id } = await set({ kind: 'pause', scope: { service: 'arm' } })
    let isAnswered = false
    const paused = ask().then((answer) => {
      isAnswered = true
      return answer
    })
    // A round trip of another request shows that the paused one had its chance.
    await region.call('GET', '/_region/faults', { token: admin })
    expect(isAnswered).toBe(false)
    await region.call('DELETE', `/_region/faults/${id}`, { token: admin })
    expect((await paused).status).toBe(200)
  })

  it('down also cuts requests that are under way', async () => {
    await set({ kind: 'pause', scope: { service: 'arm' } })
    const cut = expect(ask()).rejects.toThrow()
    await region.call('GET', '/_region/faults', { token: admin })
    await set({ kind: 'down' })
    await cut
  })

  it('slow adds latency', async () => {
    await set({ kind: 'slow', latencyMs: 60 })
    const start = performance.now()
    expect((await ask()).status).toBe(200)
    expect(performance.now() - start).toBeGreaterThanOrEqual(58)
  })

  it('readOnly refuses writes and lets reads pass', async () => {
    await set({ kind: 'readOnly' })
    expect((await ask()).status).toBe(200)
    const path = '/subscriptions/s/resourceGroups/g'
    expect(await region.call('PUT', path, { body: {} })).toMatchObject({
      status: 409,
      body: { error: { code: 'ReadOnlyDisabledSubscription' } },
    })
    // A POST that only reads passes, and then finds nothing.
    const account = `${path}/providers/Microsoft.Storage/storageAccounts/none`
    expect((await region.call('POST', `${account}/listKeys`)).status).toBe(404)
  })

  it('forbid refuses what its path names, as the service does that lacks a right', async () => {
    await set({ kind: 'forbid', scope: { path: 'roleAssignments/' } })
    const path = '/subscriptions/s/providers/Microsoft.Authorization/roleAssignments'
    expect((await region.call('GET', `${path}?api-version=2022-04-01`)).status).toBe(200)
    expect(
      await region.call('PUT', `${path}/1?api-version=2022-04-01`, { body: {} }),
    ).toMatchObject({ status: 403, body: { error: { code: 'AuthorizationFailed' } } })
  })

  it('end by themselves after their duration', async () => {
    await set({ kind: 'throttle', durationMs: 1 })
    await expect.poll(async () => (await ask()).status).toBe(200)
  })

  it('hit the share of requests they say', async () => {
    await set({ kind: 'throttle', share: 0 })
    expect((await ask()).status).toBe(200)
  })

  it.each([
    [{}, 'kind'],
    [{ kind: 'slow' }, 'latencyMs'],
    [{ kind: 'down', scope: { service: 'moon' } }, 'scope'],
    [{ kind: 'down', scope: { path: '(' } }, 'scope.path'],
    [{ kind: 'down', share: 2 }, 'share'],
    [{ kind: 'cutOff' }, 'origin'],
    [{ kind: 'down', lasting: 1 }, 'lasting'],
  ])('with a mistake are refused: %j', async (body, field) => {
    const answer = await region.call('POST', '/_region/faults', { token: admin, body })
    expect(answer).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining(field) } },
    })
  })

  it('cutOff stops copies from the other region until it is lifted', async () => {
    const caDir = dirname(region.region.caPath)
    const west = await startTestRegion({ name: 'westus', caDir })
    const storage = 'https://storage.azure.com'
    const headers = {
      'x-ms-version': '2025-01-05',
      'x-ms-blob-type': 'BlockBlob',
      'content-type': 'text/plain',
    }
    const account = (name: string) =>
      `/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/${name}`
    await region.call('PUT', account('eastacct'), { body: {} })
    await west.call('PUT', account('westacct'), { body: {} })
    const source = `${region.region.storageOrigin}/eastacct/copies/b`
    const target = `${west.region.storageOrigin}/westacct/copies/b`
    const tokens = { east: await region.token(storage), west: await west.token(storage) }
    const container = (blob: string) => `${blob.slice(0, -2)}?restype=container`
    await region.call('PUT', container(source), { token: tokens.east, headers })
    await region.call('PUT', source, { token: tokens.east, headers, body: 'content' })
    await west.call('PUT', container(target), { token: tokens.west, headers })
    const copy = () =>
      west.call('PUT', target, {
        token: tokens.west,
        headers: {
          'x-ms-version': '2025-01-05',
          'x-ms-copy-source': source,
          'x-ms-copy-source-authorization': `Bearer ${tokens.east}`,
        },
      })
    const switches = await west.token(west.region.origin)
    const fault = { kind: 'cutOff', origin: `${region.region.storageOrigin}/` }
    await west.call('POST', '/_region/faults', { token: switches, body: fault })
    const refused = await copy()
    expect(refused.headers['x-ms-error-code']).toBe('CannotVerifyCopySource')
    await west.call('DELETE', '/_region/faults', { token: switches })
    expect((await copy()).status).toBe(202)
    const { body } = await west.call('GET', target, { token: tokens.west, headers })
    expect(body).toBe('content')
    await west.stop()
  })

  it("need the region's own audience", async () => {
    expect((await region.call('GET', '/_region/faults')).status).toBe(401)
  })
})
