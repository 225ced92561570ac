import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type ApiClient, createClient } from './client.ts'

let server: Server | undefined
afterEach(async () => {
  server?.closeAllConnections()
  await new Promise((resolve) => (server === undefined ? resolve(0) : server.close(resolve)))
  server = undefined
})

async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<ApiClient> {
  const listening = createServer(answer)
  server = listening
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  const { port } = listening.address() as AddressInfo
  return createClient({ url: `http://127.0.0.1:${port}`, token: 'secret', reconnectMs: 1 })
}

const eventOf = (epoch: number) => ({ type: 'operation', at: 'now', data: { epoch } })

describe('the API client', () => {
  it('sends the token, encodes names and reads answers', async () => {
    const seen: unknown[] = []
    const client = await serve((request, response) => {
      seen.push([request.method, request.url, request.headers.authorization])
      response.end(JSON.stringify({ items: [], cursor: null }))
    })
    await client.objects('a/b c', { state: 'failed', limit: 20 })
    expect(seen).toEqual([
      ['GET', '/api/v1/groups/a%2Fb%20c/objects?state=failed&limit=20', 'Bearer secret'],
    ])
  })

  it('turns a problem document into the error the controller had', async () => {
    const client = await serve((_request, response) => {
      response.writeHead(409, { 'content-type': 'application/problem+json' })
      response.end(
        JSON.stringify({
          type: 'urn:x',
          title: 'A sync is under way.',
          status: 409,
          code: 'operation.busy',
          kind: 'operator',
          hint: 'Wait for it.',
          place: 'group fraud',
        }),
      )
    })
    await expect(client.start('fraud', 'sync')).rejects.toMatchObject({
      code: 'operation.busy',
      message: 'A sync is under way.',
      kind: 'operator',
      hint: 'Wait for it.',
      place: 'group fraud',
    })
  })

  it('says so when something else answers', async () => {
    const client = await serve((_request, response) => {
      response.end('<html>welcome</html>')
    })
    await expect(client.status()).rejects.toMatchObject({ code: 'controller.bad-answer' })
  })

  it('takes a proxy that finds nobody behind it for a controller that is not there', async () => {
    const client = await serve((_request, response) => {
      response.writeHead(502)
      response.end('<html>bad gateway</html>')
    })
    await expect(client.status()).rejects.toMatchObject({ code: 'controller.unreachable' })
  })

  it('calls a controller that is not there unreachable', async () => {
    const client = await serve(() => undefined)
    await new Promise((resolve) => server?.close(resolve))
    server = undefined
    await expect(client.status()).rejects.toMatchObject({ code: 'controller.unreachable' })
    await expect(client.start('g', 'failover')).rejects.toMatchObject({
      code: 'controller.unreachable',
    })
  })

  it('calls the outcome of a change unknown when the connection breaks (I8)', async () => {
    const client = await serve((request) => request.socket.destroy())
    await expect(client.start('g', 'failover')).rejects.toMatchObject({
      code: 'controller.no-answer',
      kind: 'unknown-outcome',
    })
    await expect(client.status()).rejects.toMatchObject({ code: 'controller.unreachable' })
  })

  it('takes up the event stream where it broke off', async () => {
    const resumedFrom: unknown[] = []
    const client = await serve((request, response) => {
      resumedFrom.push(request.headers['last-event-id'])
      const round = resumedFrom.length
      // The second connection breaks before it answers.
      if (round === 2) return void request.socket.destroy()
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      if (round === 1) {
        response.write(': hello\n\nid: run-1\nevent: operation\ndata: {"type":"operation",')
        response.write('"at":"now",\r\ndata: "data":{"epoch":1}}\r\n\r\nid: run-2\nda')
        response.write(`ta: ${JSON.stringify(eventOf(2))}\n\n`, () => request.socket.destroy())
        return
      }
      response.write(`id: run-3\ndata: ${JSON.stringify(eventOf(3))}\n\n`)
    })
    const abort = new AbortController()
    const epochs: number[] = []
    for await (const event of client.events(abort.signal)) {
      if (event.type === 'operation') epochs.push(event.data.epoch)
      if (epochs.length === 3) abort.abort()
    }
    expect(epochs).toEqual([1, 2, 3])
    expect(resumedFrom).toEqual([undefined, 'run-2', 'run-2'])
  })

  it('does not try a refused event stream again', async () => {
    let calls = 0
    const client = await serve((_request, response) => {
      calls += 1
      response.writeHead(401)
      response.end(JSON.stringify({ code: 'request.unauthorized', kind: 'operator' }))
    })
    const read = async () => {
      for await (const event of client.events(new AbortController().signal)) return event
      return undefined
    }
    await expect(read()).rejects.toMatchObject({ code: 'request.unauthorized' })
    expect(calls).toBe(1)
  })
})
