import { readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import type { Socket } from 'node:net'
import { connect } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestRegion, type TestRegion } from '../testing/test-region.ts'
import { destination } from './name-proxy.ts'

let region: TestRegion
let proxy: URL
beforeAll(async () => {
  region = await startTestRegion()
  proxy = new URL(JSON.parse(readFileSync(region.region.cloudFile, 'utf8')).proxy)
})
afterAll(() => region.stop())

function tunnelTo(authority: string): Promise<{ status: number | undefined; socket: Socket }> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = proxy
    const request = httpRequest({ hostname, port, method: 'CONNECT', path: authority })
    request.on('connect', ({ statusCode }, socket) => resolve({ status: statusCode, socket }))
    request.on('error', reject)
    request.end()
  })
}

describe('the proxy that knows names below localhost', () => {
  it('leads an account host to the storage service, end to end under its certificate', async () => {
    const { port } = new URL(region.region.storageOrigin)
    const { status, socket } = await tunnelTo(`someaccount.blob.core.localhost:${port}`)
    expect(status).toBe(200)
    const tls = connect({
      socket,
      servername: 'someaccount.blob.core.localhost',
      ca: readFileSync(region.region.caPath),
    })
    tls.write(`GET /c/b HTTP/1.1\r\nhost: someaccount.blob.core.localhost:${port}\r\n\r\n`)
    const [answer] = await new Promise<Buffer[]>((resolve) => tls.once('data', (d) => resolve([d])))
    // Refused for want of a signature, by the Blob service: the request arrived where it should.
    expect(answer?.toString()).toMatch(/^HTTP\/1\.1 401[\s\S]*NoAuthenticationInformation/)
    tls.destroy()
  })

  it('says so when nothing listens, and when it is asked for a page', async () => {
    expect((await tunnelTo('nobody.localhost:1')).status).toBe(502)
    expect((await fetch(proxy)).status).toBe(405)
  })

  it('takes names below localhost for this machine, others as they are, and nothing else', () => {
    expect(destination('a.blob.core.localhost:1234')).toEqual({ host: '127.0.0.1', port: 1234 })
    expect(destination('LOCALHOST.:1234')).toEqual({ host: '127.0.0.1', port: 1234 })
    expect(destination('notlocalhost:443')).toEqual({ host: 'notlocalhost', port: 443 })
    expect(destination('[::1]:443')).toEqual({ host: '::1', port: 443 })
    for (const odd of ['localhost', 'localhost:0', 'localhost:70000', 'a b:1', ':1', '/x:1'])
      expect(destination(odd)).toBeUndefined()
  })
})
