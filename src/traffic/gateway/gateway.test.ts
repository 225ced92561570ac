import { afterEach, describe, expect, it } from 'vitest'
import {
  clearBenches,
  type Reply,
  startBench,
  until,
  workspaceId,
} from '../testing/gateway-bench.ts'
import type { AccessEntry } from './request-log.ts'

afterEach(clearBenches)

describe('the gateway', () => {
  it('leads scoring to the effective primary and says which it was', async () => {
    const { switchTo, call, east, west } = await startBench()
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
    const { switchTo, call, west } = await startBench()
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
    const { switchTo, call, west } = await startBench()
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
    const { switchTo, call, east, gateway } = await startBench()
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
    const { switchTo, call, east, west } = await startBench()
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
    const { switchTo, call, east, west } = await startBench()
    await switchTo('east', 1)
    await east.kill()
    const scored = await call('POST', '/endpoints/warm/score', { body: '{}' })
    expect([scored.status, scored.text]).toEqual([200, 'west'])
    expect(west.received).toHaveLength(1)
  })

  it('never writes workspace data to the side that is not primary (I1)', async () => {
    const { switchTo, call, east, west } = await startBench()
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
    const { switchTo, call, east, gateway } = await startBench({
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
    const { switchTo, call, east } = await startBench({ gateway: { timeoutMs: 200 } })
    await switchTo('east', 1)
    east.answer = () => undefined
    const write = await call('POST', '/history/v1.0/fraud/runs/x', { body: '{}' })
    expect([write.status, write.headers['x-holdfast-error']]).toEqual([504, 'upstream.timeout'])
    expect((await call('POST', '/endpoints/hot/score', { body: '{}' })).text).toBe('west')
  })

  it('streams large bodies both ways', async () => {
    const { switchTo, call, east } = await startBench()
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
    const { switchTo, gateway, east } = await startBench()
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

  it('asks the other side when a small answer broke off in the middle', async () => {
    const { switchTo, call, east } = await startBench()
    await switchTo('east', 1)
    east.answer = (_request, response) => {
      response.setHeader('content-length', 100)
      response.write('half')
      setTimeout(() => response.destroy(), 10)
    }
    expect((await call('GET', '/endpoints/hot/score')).text).toBe('west')
  })

  it('answers a large upload that its member broke off', async () => {
    let now = Date.now()
    const { switchTo, gateway, east } = await startBench({
      gateway: { clock: () => new Date(now) },
    })
    await switchTo('east', 1)
    const upload = async () => {
      const body = Buffer.alloc(2 * 1024 * 1024)
      const answer = await fetch(`${gateway.origin}/endpoints/hot/score`, { method: 'POST', body })
      return [answer.status, answer.headers.get('x-holdfast-error')]
    }
    east.answer = (_request, response) => response.destroy()
    expect(await upload()).toEqual([502, 'upstream.broken'])
    now += 1000
    await east.kill()
    expect(await upload()).toEqual([502, 'upstream.unreachable'])
  })

  it('cuts the connection when an answer broke off in the middle', async () => {
    const { switchTo, call, east, gateway } = await startBench()
    await switchTo('east', 1)
    east.answer = (_request, response) => {
      response.write('half')
      setTimeout(() => response.destroy(), 10)
    }
    await expect(call('GET', '/endpoints/hot/score')).rejects.toThrow()
    expect(gateway.status().endpoints.hot?.failed).toBe(1)
  })

  it('says so while it was never told where to lead', async () => {
    const { call } = await startBench()
    const reply = await call('GET', '/endpoints/hot/score')
    expect([reply.status, reply.headers['x-holdfast-error']]).toEqual([503, 'gateway.no-pointer'])
  })

  it('shows Prometheus what it does, without a key', async () => {
    const { switchTo, call, east } = await startBench()
    await switchTo('east', 3)
    await call('GET', '/endpoints/hot/score', {
      headers: { authorization: 'Bearer east-first-key' },
    })
    await call('PUT', '/endpoints/hot/score', { body: 'x' })
    await east.kill()
    await call('GET', '/endpoints/hot/score')
    const { text, headers } = await call('GET', '/_gateway/metrics')
    expect(headers['content-type']).toContain('text/plain')
    expect(text).toContain('holdfast_gateway_requests_total{to="hot"} 3')
    expect(text).toContain('holdfast_gateway_retried_total{to="hot"} 1')
    expect(text).toContain('holdfast_gateway_in_flight{to="hot"} 0')
    expect(text).toContain('holdfast_gateway_request_seconds_count{to="hot"} 3')
    expect(text).toContain('holdfast_gateway_epoch 3')
    expect(text).toContain('holdfast_gateway_active{member="east"} 1')
    expect(text).toContain('holdfast_gateway_aside{member="east"} 1')
    expect(text).not.toContain('key')
  })

  it('tells the access log what came of each request, without query and key (I9)', async () => {
    const entries: AccessEntry[] = []
    const { switchTo, call, east } = await startBench({
      gateway: { access: (entry) => entries.push(entry) },
    })
    await switchTo('east', 1)
    const headers = { authorization: 'Bearer east-first-key' }
    await call('GET', '/endpoints/hot/score?secret=1', { headers })
    await call('PUT', '/endpoints/hot/score', { body: 'x' })
    east.answer = (_request, response) => response.destroy()
    await call('POST', '/endpoints/warm/score', { body: 'x' })
    await until(() => entries.length === 3)
    const common = { epoch: 1, member: 'east', milliseconds: expect.any(Number) }
    expect(entries).toEqual([
      { ...common, method: 'GET', path: '/endpoints/hot/score', to: 'hot', status: 200 },
      { ...common, method: 'PUT', path: '/endpoints/hot/score', to: 'hot', status: 200 },
      { ...common, method: 'POST', path: '/endpoints/warm/score', to: 'warm', status: 502 },
    ])
  })

  it('refuses more requests than it may have under way, in both lanes', async () => {
    const { switchTo, call, east } = await startBench({ gateway: { mostInFlight: 2 } })
    await switchTo('east', 1)
    const open: (() => void)[] = []
    east.answer = (_request, response) => open.push(() => response.end('east'))
    const slow = [
      call('GET', '/endpoints/hot/score'),
      call('PUT', '/endpoints/hot/score', { body: 'x' }),
    ]
    await until(() => open.length === 2)
    for (const method of ['GET', 'PUT']) {
      const reply = await call(method, '/endpoints/hot/score')
      expect([reply.status, reply.headers['x-holdfast-error']]).toEqual([503, 'gateway.overloaded'])
    }
    for (const answer of open) answer()
    expect((await Promise.all(slow)).map(({ status }) => status)).toEqual([200, 200])
    east.answer = (_request, response) => response.end('east')
    expect((await call('GET', '/endpoints/hot/score')).status).toBe(200)
  })

  it('shares hot-hot requests among all members where the plan says so, and no others', async () => {
    const { switchTo, call, east, west } = await startBench({ isBalanced: true })
    await switchTo('east', 1)
    for (let n = 0; n < 10; n++) {
      // Both lanes.
      await call(n < 6 ? 'POST' : 'PUT', '/endpoints/hot/score', { body: '{}' })
      await call('POST', '/endpoints/warm/score', { body: '{}' })
      await call('POST', '/history/v1.0/fraud/runs/x', { body: '{}' })
    }
    const hot = ({ received }: typeof east) => received.filter(({ url }) => url.includes('/hot/'))
    expect([hot(east).length, hot(west).length]).toEqual([5, 5])
    expect(west.received).toHaveLength(5)
    await west.kill()
    for (let n = 0; n < 6; n++) {
      expect((await call('POST', '/endpoints/hot/score', { body: '{}' })).text).toBe('east')
    }
  })
})
