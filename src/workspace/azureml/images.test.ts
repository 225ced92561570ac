import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { serverCertificate } from '../../region/auth/certificates.ts'
import type { Cloud } from './cloud.ts'
import { Images } from './images.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

const folder = mkdtempSync(join(tmpdir(), 'holdfast-registry-'))
const closers: (() => void)[] = []
let certificate: Awaited<ReturnType<typeof serverCertificate>>
beforeAll(async () => {
  certificate = await serverCertificate(folder, new Date(), [])
})
afterEach(() => {
  for (const close of closers.splice(0)) close()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function serve(handler: Handler): Promise<string> {
  const server: Server = createServer({ key: certificate.key, cert: certificate.cert }, handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return `localhost:${(server.address() as AddressInfo).port}`
}

function imagesAt(server: string): Images {
  const cloud: Cloud = {
    ...{ name: 'test', resourceManager: '', vaultAudience: '', registrySuffix: '' },
    ...{ registryAudience: 'https://registry', ca: certificate.ca },
    credential: async () => ({
      getToken: async (scope) => ({ token: `for ${scope}`, expiresOnTimestamp: 0 }),
    }),
  }
  const images = new Images('east', cloud, server)
  closers.push(() => images.close())
  return images
}

const layer = 'the bytes of a layer'
const digest = `sha256:${createHash('sha256').update(layer).digest('hex')}`

/** Signs in anybody, with a new token each time; everything else is for `answer`. */
function registry(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const asked: string[] = []
  let issued = 0
  const handler: Handler = (request, response) => {
    if (!request.url?.startsWith('/oauth2/')) return answer(request, response)
    let body = ''
    request.on('data', (piece) => {
      body += piece
    })
    request.on('end', () => {
      asked.push(`${request.url} ${decodeURIComponent(body.replaceAll('+', ' '))}`)
      issued += 1
      const tokens = { refresh_token: `refresh-${issued}`, access_token: `access-${issued}` }
      response.end(JSON.stringify(tokens))
    })
  }
  return { handler, asked }
}

describe('a container registry of Azure', () => {
  it('gives a layer from a storage account, which gets no token of the registry', async () => {
    let atStore: IncomingMessage | undefined
    const store = await serve((request, response) => {
      atStore = request
      response.end(layer)
    })
    const { handler, asked } = registry((request, response) => {
      expect(request.headers.authorization).toBe('Bearer access-2')
      response.writeHead(307, { location: `https://${store}/layer?sig=secret` }).end()
    })
    const server = await serve(handler)
    const content = await imagesAt(server).readLayer('ours/train', digest)
    expect(await new Response(content).text()).toBe(layer)
    expect(atStore?.url).toBe('/layer?sig=secret')
    expect(atStore?.headers.authorization).toBeUndefined()
    expect(asked).toEqual([
      `/oauth2/exchange service=${server}&grant_type=access_token&access_token=for https://registry/.default`,
      `/oauth2/token service=${server}&grant_type=refresh_token&scope=repository:ours/train:pull&refresh_token=refresh-1`,
    ])
  })

  it('is asked again with a fresh token when the one before has expired', async () => {
    const seen: unknown[] = []
    const { handler } = registry(({ headers }, response) => {
      seen.push(headers.authorization)
      const isFresh = headers.authorization === 'Bearer access-4'
      response.writeHead(isFresh ? 200 : 401).end()
    })
    expect(await imagesAt(await serve(handler)).hasLayer('ours/train', digest)).toBe(true)
    expect(seen).toEqual(['Bearer access-2', 'Bearer access-4'])
  })

  it('is told of as one that refuses, without its tokens', async () => {
    const { handler } = registry((_request, response) => response.writeHead(403).end())
    const refused = imagesAt(await serve(handler)).hasLayer('ours/train', digest)
    const error: unknown = await refused.catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'workspace.forbidden', kind: 'operator' })
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toMatch(/access-|refresh-/)
  })

  it('is not believed when a manifest has another digest than it says', async () => {
    const { handler } = registry((_request, response) =>
      response.writeHead(200, { 'docker-content-digest': digest }).end('{}'),
    )
    const read = imagesAt(await serve(handler)).read('ours/train', 'v1')
    await expect(read).rejects.toMatchObject({ code: 'image.corrupt' })
  })
})
