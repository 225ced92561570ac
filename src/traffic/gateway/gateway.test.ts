import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import { afterEach, describe, expect, it } from 'vitest'
import type { Place } from '../../model/place.ts'
import { startUpstream, type Upstream } from '../testing/upstream.ts'
import { type GatewayEndpointOptions, gatewayEndpoint } from './gateway-endpoint.ts'
import { type GatewayOptions, type RunningGateway, startGateway } from './start-gateway.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

const members = ['east', 'west'] as const
type Member = (typeof members)[number]

interface Bench {
  readonly east: Upstream
  readonly west: Upstream
  readonly gateway: RunningGateway
  readonly pointerFile: string
  readonly endpoint: ReturnType<typeof gatewayEndpoint>
  switchTo(member: Member, epoch: number): Promise<void>
  call(method: string, path: string, options?: CallOptions): Promise<Reply>
}
interface CallOptions {
  readonly body?: string | Buffer | AsyncIterable<Uint8Array>
  readonly headers?: Record<string, string>
}
interface Reply {
  readonly status: number
  readonly headers: Record<string, string | string[] | undefined>
  readonly text: string
}

const workspaceId = (member: Member) =>
  `/subscriptions/sub/resourceGroups/rg-${member}/providers/Microsoft.MachineLearningServices/workspaces/ws-${member}`

async function bench(
  overrides: Partial<GatewayEndpointOptions> & { readonly gateway?: Partial<GatewayOptions> } = {},
): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-gateway-'))
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }))
  const pointerFile = join(folder, 'pointer.json')
  const [east, west] = [await startUpstream('east'), await startUpstream('west')]
  cleanUps.push(() => Promise.all([east.kill(), west.kill()]))
  const gateway = await startGateway({
    name: 'scoring',
    listen: '127.0.0.1:0',
    pointerFile,
    pollMs: 20,
    ...overrides.gateway,
  })
  cleanUps.push(() => gateway.stop())
  const upstreams = { east, west }
  const endpoints = (member: string) =>
    Object.fromEntries(
      ['hot', 'warm'].map((name) => [
        name,
        {
          scoringUri: `${upstreams[member as Member].origin}/inference/guid-${member}/${name}/score`,
          keys: [`${member}-first-key`, `${member}-second-key`],
        },
      ]),
    )
  const endpoint = gatewayEndpoint({
    name: 'scoring',
    group: 'fraud',
    pointerFile,
    address: gateway.origin,
    isRepeatable: (name) => name === 'hot',
    readEndpoints: async (member) => endpoints(member),
    followMs: 1000,
    ...overrides,
  })
  const agent = new Agent()
  cleanUps.push(() => agent.destroy())
  return {
    east,
    west,
    gateway,
    pointerFile,
    endpoint,
    async switchTo(member, epoch) {
      await endpoint.switchTo({ member, epoch }, { place: placeOf(member, upstreams[member]) })
      for (const other of members) {
        await endpoint.publish(other, {
          workspaceId: workspaceId(other),
          apiOrigin: upstreams[other].origin,
          endpoints: endpoints(other),
        })
      }
      await endpoint.verify({ member, epoch })
      await until(() => Object.keys(gateway.status().members).length === 2)
    },
    async call(method, path, { body, headers = {} } = {}) {
      const answer = await request(`${gateway.origin}${path}`, {
        method: method as 'GET',
        headers,
        dispatcher: agent,
        ...(body === undefined ? {} : { body: body as string }),
      })
      return {
        status: answer.statusCode,
        headers: answer.headers,
        text: await answer.body.text(),
      }
    },
  }
}

function placeOf(member: Member, { origin }: Upstream): Place {
  return {
    subscriptionId: 'sub',
    resourceGroup: `rg-${member}`,
    workspaceName: `ws-${member}`,
    workspaceGuid: `guid-${member}`,
    region: member,
    storageAccount: `store${member}`,
    blobOrigin: 'http://localhost',
    apiOrigin: origin,
    associated: {
      storageAccount: undefined,
      keyVault: undefined,
      applicationInsights: undefined,
      containerRegistry: undefined,
    },
    containers: {},
  }
}

describe('the gateway', () => {
  it('leads scoring to the effective primary and says which it was', async () => {
    const { switchTo, call, east, west } = await bench()
    await switchTo('east', 1)
    const first = await call('POST', '/endpoints/hot/score?trace=1', {
      body: '{"x":1}',
      headers: { 'content-type': 'application/json', 'azureml-model-deployment': 'blue' },
    })
    expect([first.status, first.text]).toEqual([200, 'east'])
    expect(first.headers['x-holdfast-member']).toBe('east')
    expect(first.headers['x-holdfast-epoch']).toBe('1')
    expect(east.received[0]).toMatchObject({
      method: 'POST',
      url: '/inference/guid-east/hot/score?trace=1',
      body: '{"x":1}',
      headers: { 'azureml-model-deployment': 'blue', host: new URL(east.origin).host },
    })
    await switchTo('west', 2)
    const second = await call('POST', '/endpoints/hot/score', { body: '{}' })
    expect([second.text, second.headers['x-holdfast-epoch']]).toEqual(['west', '2'])
    expect(west.received).toHaveLength(1)
  })

  it('leads MLflow and run history to the workspace of the effective primary', async () => {
    const { switchTo, call, west } = await bench()
    await switchTo('west', 3)
    const token = { authorization: 'Bearer token' }
    const paths = {
      '/mlflow/v1.0/fraud/api/2.0/mlflow/experiments/search?max_results=5': `/mlflow/v1.0${workspaceId('west')}/api/2.0/mlflow/experiments/search?max_results=5`,
      [`/history/v1.0${workspaceId('east').toUpperCase()}/runs/abc%20d`]: `/history/v1.0${workspaceId('west')}/runs/abc%20d`,
      [`/metric/v2.0${workspaceId('west')}/runs/r/full`]: `/metric/v2.0${workspaceId('west')}/runs/r/full`,
      '/artifact/v2.0/fraud/artifacts/x': `/artifact/v2.0${workspaceId('west')}/artifacts/x`,
    }
    for (const [asked, sent] of Object.entries(paths)) {
      await call('POST', asked, { body: '{}', headers: token })
      expect(west.received.at(-1)).toMatchObject({ url: sent, headers: token })
    }
    expect((await call('GET', '/mlflow/v1.0/other-group/api')).status).toBe(404)
    expect((await call('GET', `/history/v1.0${workspaceId('east')}evil/runs`)).status).toBe(404)
    expect((await call('GET', '/history/v1.0/fraud/%2e%2e/x')).status).toBe(404)
  })

  it('replaces a key of one member by the same key of the other', async () => {
    const { switchTo, call, west } = await bench()
    await switchTo('west', 2)
    const sent = async (given: string) => {
      await call('POST', '/endpoints/hot/score', { headers: { authorization: given }, body: '' })
      return west.received.at(-1)?.headers.authorization
    }
    expect(await sent('Bearer east-second-key')).toBe('Bearer west-second-key')
    expect(await sent('bearer east-first-key')).toBe('Bearer west-first-key')
    expect(await sent('Bearer west-first-key')).toBe('Bearer west-first-key')
    expect(await sent('Bearer something-else')).toBe('Bearer something-else')
  })

  it('loses no idempotent request when a member is killed under traffic', async () => {
    const { switchTo, call, east, gateway } = await bench()
    await switchTo('east', 1)
    const replies: Reply[] = []
    let isOver = false
    const caller = async (method: string, path: string, body?: string) => {
      while (!isOver) replies.push(await call(method, path, body === undefined ? {} : { body }))
    }
    east.answer = (_request, response) => setTimeout(() => response.end('east'), 3)
    const callers = [
      ...Array.from({ length: 8 }, () => caller('POST', '/endpoints/hot/score', '{"x":1}')),
      ...Array.from({ length: 4 }, () =>
        caller('GET', '/mlflow/v1.0/fraud/api/2.0/mlflow/runs/get'),
      ),
    ]
    await until(() => replies.length > 100)
    await east.kill()
    const atKill = replies.length
    await until(() => replies.length > atKill + 300)
    isOver = true
    await Promise.all(callers)
    expect(replies.filter(({ status }) => status !== 200)).toEqual([])
    expect(replies.some(({ text }) => text === 'east')).toBe(true)
    expect(replies.at(-1)?.text).toBe('west')
    const { hot } = gateway.status().endpoints
    expect(hot).toMatchObject({ failed: 0, lastAnswerFrom: 'west' })
    // Put aside after the first failures, so that few requests have to be sent twice.
    expect(hot?.retried).toBeGreaterThan(0)
    expect(hot?.retried).toBeLessThan(40)
  })

  it('never sends a request twice that may have been received and is not idempotent', async () => {
    const { switchTo, call, east, west } = await bench()
    await switchTo('east', 1)
    east.answer = (_request, response) => response.destroy()
    const scored = await call('POST', '/endpoints/warm/score', { body: '{}' })
    expect([scored.status, scored.headers['x-holdfast-error']]).toEqual([502, 'upstream.broken'])
    const written = await call('POST', '/mlflow/v1.0/fraud/api/2.0/mlflow/runs/create', {
      body: '{}',
    })
    expect(written.status).toBe(502)
    expect([east.received.length, west.received.length]).toEqual([2, 0])
  })

  it('sends a request that cannot have been received to the other side', async () => {
    const { switchTo, call, east, west } = await bench()
    await switchTo('east', 1)
    await east.kill()
    const scored = await call('POST', '/endpoints/warm/score', { body: '{}' })
    expect([scored.status, scored.text]).toEqual([200, 'west'])
    expect(west.received).toHaveLength(1)
  })

  it('never writes workspace data to the side that is not primary (I1)', async () => {
    const { switchTo, call, east, west } = await bench()
    await switchTo('east', 1)
    await east.kill()
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const reply = await call(method, '/history/v1.0/fraud/runs/x', { body: '{}' })
      expect([reply.status, reply.headers['x-holdfast-error']]).toEqual([
        502,
        'upstream.unreachable',
      ])
    }
    expect(west.received).toEqual([])
    expect((await call('GET', '/history/v1.0/fraud/runs/x')).text).toBe('west')
  })

  it('comes back to a member that answers again', async () => {
    let now = Date.parse('2026-01-01T00:00:00Z')
    const { switchTo, call, east, gateway } = await bench({
      gateway: { clock: () => new Date(now) },
    })
    await switchTo('east', 1)
    await east.kill()
    expect((await call('GET', '/endpoints/hot/score')).text).toBe('west')
    expect(gateway.status().members.east?.asideUntil).toBe('2026-01-01T00:00:01.000Z')
    await east.revive()
    expect((await call('GET', '/endpoints/hot/score')).text).toBe('west')
    now += 1000
    expect((await call('GET', '/endpoints/hot/score')).text).toBe('east')
    expect(gateway.status().members.east).toEqual({})
  })

  it('gives up waiting, and asks the other side when it may', async () => {
    const { switchTo, call, east } = await bench({ gateway: { timeoutMs: 200 } })
    await switchTo('east', 1)
    east.answer = () => undefined
    const write = await call('POST', '/history/v1.0/fraud/runs/x', { body: '{}' })
    expect([write.status, write.headers['x-holdfast-error']]).toEqual([504, 'upstream.timeout'])
    expect((await call('POST', '/endpoints/hot/score', { body: '{}' })).text).toBe('west')
  })

  it('streams large bodies both ways', async () => {
    const { switchTo, call, east } = await bench()
    await switchTo('east', 1)
    const piece = Buffer.alloc(256 * 1024, 'x')
    async function* pieces() {
      for (let n = 0; n < 12; n++) yield piece
    }
    east.answer = ({ body }, response) => {
      response.setHeader('x-got', String(body.length))
      for (let n = 0; n < 12; n++) response.write(piece)
      response.end()
    }
    const reply = await call('POST', '/endpoints/hot/score', { body: pieces() })
    expect(reply.headers['x-got']).toBe(String(12 * piece.length))
    expect(reply.text.length).toBe(12 * piece.length)
  })

  it('passes on what it streams before the end is known', async () => {
    const { switchTo, gateway, east } = await bench()
    await switchTo('east', 1)
    let finish: () => void = () => undefined
    east.answer = (_request, response) => {
      response.write('first')
      finish = () => response.end('last')
    }
    const answer = await fetch(`${gateway.origin}/endpoints/hot/score`)
    const reader = answer.body?.getReader()
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('first')
    finish()
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('last')
  })

  it('cuts the connection when an answer broke off in the middle', async () => {
    const { switchTo, call, east, gateway } = await bench()
    await switchTo('east', 1)
    east.answer = (_request, response) => {
      response.write('half')
      setTimeout(() => response.destroy(), 10)
    }
    await expect(call('GET', '/endpoints/hot/score')).rejects.toThrow()
    expect(gateway.status().endpoints.hot?.failed).toBe(1)
  })

  it('says so while it was never told where to lead', async () => {
    const { call } = await bench()
    const reply = await call('GET', '/endpoints/hot/score')
    expect([reply.status, reply.headers['x-holdfast-error']]).toEqual([503, 'gateway.no-pointer'])
  })
})

describe('the pointer file', () => {
  it('is never followed back to an older epoch, nor to another member in one epoch (I1)', async () => {
    const { switchTo, call, endpoint, pointerFile, gateway } = await bench()
    await switchTo('east', 5)
    const east = { place: placeOf('east', await startAndForget()) }
    for (const pointer of [
      { member: 'east', epoch: 4 },
      { member: 'west', epoch: 5 },
    ]) {
      await expect(endpoint.switchTo(pointer, east)).rejects.toMatchObject({ code: 'epoch.stale' })
    }
    for (const [active, epoch] of [
      ['west', 4],
      ['west', 5],
    ] as const) {
      const stale = { ...JSON.parse(await readText(pointerFile)), active, epoch }
      writeFileSync(pointerFile, JSON.stringify(stale))
      await until(() => gateway.status().pointer.state === 'refused')
      expect((await call('GET', '/endpoints/hot/score')).text).toBe('east')
    }
    await expect(endpoint.verify({ member: 'west', epoch: 5 })).rejects.toMatchObject({
      code: 'traffic.not-switched',
    })
  })

  it('may be broken or gone: the last known answer is kept', async () => {
    const { switchTo, call, pointerFile, gateway, endpoint } = await bench()
    await switchTo('east', 1)
    writeFileSync(pointerFile, '{"version":1,')
    await until(() => gateway.status().pointer.state === 'unreadable')
    expect((await call('GET', '/endpoints/hot/score')).text).toBe('east')
    await expect(endpoint.current()).rejects.toMatchObject({ code: 'traffic.pointer-unreadable' })
    rmSync(pointerFile)
    await until(() => gateway.status().pointer.state === 'absent')
    expect((await call('GET', '/endpoints/hot/score')).text).toBe('east')
    await switchTo('west', 2)
    expect((await call('GET', '/endpoints/hot/score')).text).toBe('west')
  })

  it('is for its owner only, and the status shows no key', async () => {
    const { switchTo, pointerFile, call, gateway } = await bench()
    await switchTo('east', 1)
    await call('GET', '/endpoints/hot/score')
    expect(statSync(pointerFile).mode & 0o777).toBe(0o600)
    const status = await call('GET', '/_gateway/status')
    expect(JSON.parse(status.text)).toMatchObject({
      name: 'scoring',
      active: 'east',
      epoch: 1,
      pointer: { state: 'current' },
      endpoints: { hot: { requests: 1, failed: 0, lastAnswerFrom: 'east' } },
    })
    expect(status.text + JSON.stringify(gateway.status())).not.toContain('key')
  })

  it('is not followed while a CA it names cannot be read', async () => {
    const { switchTo, call, pointerFile, gateway } = await bench()
    await switchTo('east', 1)
    const next = JSON.parse(await readText(pointerFile))
    next.members.west.caPath = 'west-ca.pem'
    writeFileSync(pointerFile, JSON.stringify({ ...next, active: 'west', epoch: 2 }))
    await until(() => gateway.status().pointer.state === 'unreadable')
    expect((await call('GET', '/endpoints/hot/score')).text).toBe('east')
    writeFileSync(join(pointerFile, '..', 'west-ca.pem'), '')
    await until(() => gateway.status().active === 'west')
  })
})

describe('the driver', () => {
  it('is idempotent, and tells where it leads', async () => {
    const { switchTo, endpoint, pointerFile } = await bench()
    expect(await endpoint.current()).toBeUndefined()
    await switchTo('east', 1)
    const before = statSync(pointerFile).mtimeMs
    await switchTo('east', 1)
    expect(statSync(pointerFile).mtimeMs).toBe(before)
    expect(await endpoint.current()).toEqual({ member: 'east', epoch: 1 })
  })

  it('keeps endpoints that do not match out of the file', async () => {
    const { switchTo, call } = await bench({ match: 'h*' })
    await switchTo('east', 1)
    expect((await call('GET', '/endpoints/hot/score')).status).toBe(200)
    expect((await call('GET', '/endpoints/warm/score')).status).toBe(404)
  })

  it('does not call a switch done while no gateway follows', async () => {
    const { switchTo, gateway, endpoint } = await bench({ followMs: 100 })
    await switchTo('east', 1)
    await gateway.stop()
    await expect(endpoint.verify({ member: 'east', epoch: 1 })).rejects.toMatchObject({
      code: 'traffic.not-switched',
    })
  })
})

async function startAndForget(): Promise<Upstream> {
  const upstream = await startUpstream('other')
  cleanUps.push(() => upstream.kill())
  return upstream
}

async function readText(path: string): Promise<string> {
  const { readFile } = await import('node:fs/promises')
  return readFile(path, 'utf8')
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}
