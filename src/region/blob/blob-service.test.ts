import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BlobServiceClient } from '@azure/storage-blob'
import { afterEach, describe, expect, it } from 'vitest'
import { serverCertificate } from '../auth/certificates.ts'
import { openDatabase } from '../store/database.ts'
import { openBlobEngine } from './blob-engine.ts'
import { ContentFiles } from './content-files.ts'
import { Crc64 } from './crc64.ts'
import { sign } from './sas.ts'
import { clientOf, failure, sasUrl } from './testing/blob-contract.ts'
import { steeredPolicies } from './testing/steered-policies.ts'
import { startTestBlobServer, type TestBlobServer } from './testing/test-blob-server.ts'

const cleanUps: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function server(
  options: Parameters<typeof startTestBlobServer>[0] = {},
): Promise<TestBlobServer> {
  const started = await startTestBlobServer(options)
  cleanUps.push(() => started.stop())
  return started
}

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-blob-'))
  cleanUps.push(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

const containerOf = async (one: TestBlobServer) => {
  const container = clientOf(one.account('someaccount')).getContainerClient('things')
  await container.createIfNotExists()
  return container
}

describe('an account in the host', () => {
  it('is addressed as one in the path, also by Shared Key', async () => {
    const one = await server()
    const container = await containerOf(one)
    await container.getBlockBlobClient('a/b').upload('x', 1)
    const path = '/things/a/b'
    const key = one.engine.store.tables.keys('someaccount')?.[0] ?? ''
    const date = new Date().toUTCString()
    const head = `GET${'\n'.repeat(12)}x-ms-date:${date}\nx-ms-version:2021-08-06\n`
    const signature = sign(`${head}/someaccount${path}`, key)
    const answer = await ask(one.origin, path, {
      host: 'someaccount.blob.core.localhost:1234',
      'x-ms-date': date,
      'x-ms-version': '2021-08-06',
      authorization: `SharedKey someaccount:${signature}`,
    })
    expect(answer).toBe(200)
  })

  /** `fetch` sets the host itself. */
  const ask = (origin: string, path: string, headers: Record<string, string>) =>
    new Promise<number | undefined>((resolve, reject) => {
      const sent = request(`${origin}${path}`, { headers }, (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      })
      sent.on('error', reject).end()
    })
})

describe('answers', () => {
  it('carry request id, version, date and error code', async () => {
    const { origin } = await server()
    const answer = await fetch(`${origin}/someaccount/things?restype=container`, {
      headers: { 'x-ms-version': '2021-08-06', 'x-ms-client-request-id': 'mine' },
    })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('x-ms-version')).toBe('2021-08-06')
    expect(answer.headers.get('x-ms-client-request-id')).toBe('mine')
    expect(answer.headers.get('x-ms-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    expect(answer.headers.get('x-ms-error-code')).toBe('NoAuthenticationInformation')
    expect(answer.headers.get('www-authenticate')).toContain('authorization_uri=')
    expect(await answer.text()).toContain('<Error><Code>NoAuthenticationInformation</Code>')
  })

  it('take a token for storage and no other', async () => {
    const one = await server()
    await containerOf(one)
    const url = `${one.origin}/someaccount/things?restype=container`
    const ask = async (token: string) =>
      (await fetch(url, { headers: { authorization: token, 'x-ms-version': '2021-08-06' } })).status
    expect(await ask('Bearer good')).toBe(200)
    expect(await ask('Bearer bad')).toBe(401)
  })

  it('say what is not offered', async () => {
    const container = await containerOf(await server())
    const blob = container.getBlockBlobClient('x')
    await blob.upload('x', 1)
    const { snapshot = '' } = await blob.createSnapshot()
    const tier = () => blob.withSnapshot(snapshot).setAccessTier('Cool')
    expect(await failure(tier)).toEqual([501, 'NotImplemented'])
    expect(await failure(() => container.getAppendBlobClient('a').create())).toEqual([
      501,
      'NotImplemented',
    ])
    expect(await failure(() => blob.upload('x', 1, { tags: { a: 'b' } }))).toEqual([
      501,
      'NotImplemented',
    ])
  })

  it('refuse a SAS of a stored policy or a user delegation', async () => {
    const one = await server()
    const url = sasUrl(one.account('someaccount'), 'things', 'x', 'r')
    for (const extra of ['si=policy', 'skoid=someone']) {
      const answer = await fetch(`${url}&${extra}`)
      expect([answer.status, answer.headers.get('x-ms-error-code')]).toEqual([
        403,
        'AuthenticationFailed',
      ])
    }
  })
})

describe('names', () => {
  it('never reach the file system', async () => {
    const one = await server()
    await containerOf(one)
    const query = one.engine.sas('someaccount', 'things', undefined, 'rcw', soon())
    for (const path of ['../../../escaped', '%2e%2e/%2e%2e/escaped', '..%5c..%5cescaped']) {
      const status = await rawPut(one, `/someaccount/things/${path}?${query}`, 'x')
      expect(status).toBe(201)
    }
    const names = one.engine.list('someaccount', 'things').map((blob) => blob.name)
    expect(names).toEqual(['../../../escaped', '../../escaped'])
    expect(existsSync(join(one.dataDir, '..', 'escaped'))).toBe(false)
    expect(readdirSync(one.dataDir).toSorted().join()).toMatch(/^blobs,region\.db/)
  })
})

describe('an upload', () => {
  it('that breaks off leaves nothing', async () => {
    const one = await server()
    await containerOf(one)
    const query = one.engine.sas('someaccount', 'things', undefined, 'rcw', soon())
    const { hostname, port } = new URL(one.origin)
    const socket = connect(Number(port), hostname)
    socket.write(
      `PUT /someaccount/things/half?${query} HTTP/1.1\r\nhost: x\r\nx-ms-blob-type: BlockBlob\r\ncontent-length: 100\r\n\r\nhalf`,
    )
    await until(() => readdirSync(join(one.dataDir, 'blobs', 'tmp')).length === 1)
    socket.destroy()
    await until(() => readdirSync(join(one.dataDir, 'blobs', 'tmp')).length === 0)
    expect(one.engine.head('someaccount', 'things', 'half')).toBeUndefined()
  })

  it('with a CRC-64 is checked', async () => {
    const one = await server()
    await containerOf(one)
    const query = one.engine.sas('someaccount', 'things', undefined, 'rcw', soon())
    const put = async (crc64: string) => {
      const url = `${one.origin}/someaccount/things/crc?${query}`
      const headers = { 'x-ms-blob-type': 'BlockBlob', 'x-ms-content-crc64': crc64 }
      return (await fetch(url, { method: 'PUT', headers, body: 'content' })).status
    }
    const right = new Crc64()
    right.update(Buffer.from('content'))
    expect(await put(right.digest())).toBe(201)
    expect(await put(Buffer.alloc(8).toString('base64'))).toBe(400)
  })

  it.skipIf(!existsSync('/dev/full'))('on a full disk is refused as such', async () => {
    const dir = folder()
    const files = new ContentFiles(dir, () => open('/dev/full', 'w'))
    await expect(files.write(Buffer.alloc(100_000))).rejects.toMatchObject({
      status: 507,
      code: 'InsufficientStorage',
    })
    expect(readdirSync(dir).flatMap((shard) => readdirSync(join(dir, shard)))).toEqual([])
  })
})

describe('the CRC-64', () => {
  it('is the one the official client computes', () => {
    const bytes = Buffer.from('The quick brown fox jumps over the lazy dog'.repeat(100))
    const crc64 = new Crc64()
    crc64.update(bytes.subarray(0, 77))
    crc64.update(bytes.subarray(77))
    // From StorageCRC64Calculator of @azure/storage-common.
    expect(crc64.digest()).toBe('WPq78O560cQ=')
  })
})

describe('a copy', () => {
  it('comes from another server over TLS, trusted through the given CA', async () => {
    const { ca, ...tls } = await serverCertificate(join(folder(), 'ca'), new Date())
    const source = await server({ tls })
    const target = await server({ ca })
    const stranger = await server()
    source.engine.ensureAccount('faraway')
    source.engine.ensureContainer('faraway', 'from')
    await source.engine.put('faraway', 'from', 'a b/ü', Buffer.from('content'), {
      metadata: { keep: 'me' },
    })
    const url = sasUrl(source.account('faraway'), 'from', 'a b/ü', 'r')
    const client = (await containerOf(target)).getBlockBlobClient('copy')
    await (await client.beginCopyFromURL(url)).pollUntilDone()
    expect(String(await client.downloadToBuffer())).toBe('content')
    expect((await client.getProperties()).metadata).toEqual({ keep: 'me' })
    const untrusting = (await containerOf(stranger)).getBlockBlobClient('copy')
    expect(await failure(() => untrusting.beginCopyFromURL(url))).toEqual([
      404,
      'CannotVerifyCopySource',
    ])
  })

  it('is refused while the region is cut off from the source', async () => {
    const source = await server()
    let cutOff = true
    const target = await server({
      isReachable: (url) => !(cutOff && url.startsWith(source.origin)),
    })
    await (await containerOf(source)).getBlockBlobClient('x').upload('x', 1)
    const url = sasUrl(source.account('someaccount'), 'things', 'x', 'r')
    const client = (await containerOf(target)).getBlockBlobClient('x')
    expect(await failure(() => client.syncCopyFromURL(url))).toEqual([
      404,
      'CannotVerifyCopySource',
    ])
    cutOff = false
    await client.syncCopyFromURL(url)
  })
})

describe('a reader', () => {
  it('finishes what it began when the blob is replaced meanwhile', async () => {
    const { engine } = await server()
    engine.ensureAccount('someaccount')
    engine.ensureContainer('someaccount', 'things')
    await engine.put('someaccount', 'things', 'x', Buffer.from('old content'))
    const found = engine.open('someaccount', 'things', 'x')
    await engine.put('someaccount', 'things', 'x', Buffer.from('new'))
    engine.delete('someaccount', 'things', 'x')
    const chunks: Uint8Array[] = []
    for await (const chunk of found?.content ?? []) chunks.push(chunk)
    expect(String(Buffer.concat(chunks))).toBe('old content')
    const { files } = engine.store
    expect(files.sweep(() => false)).toBe(0)
  })
})

describe('the engine', () => {
  it('keeps accounts, keys and blobs, and sweeps what no row names', async () => {
    const dataDir = folder()
    const opened = () => {
      const db = openDatabase(dataDir)
      const engine = openBlobEngine({
        db,
        dataDir,
        clock: () => new Date(),
        storageOrigin: () => '',
        policies: steeredPolicies(),
      })
      return { db, engine }
    }
    const first = opened()
    const { keys } = first.engine.ensureAccount('someaccount')
    first.engine.ensureContainer('someaccount', 'things')
    await first.engine.put('someaccount', 'things', 'kept', Buffer.from('kept'))
    await first.engine.store.files.write(Buffer.from('orphan'))
    first.db.close()
    const { db, engine } = opened()
    expect(engine.ensureAccount('someaccount').keys).toEqual(keys)
    expect(engine.list('someaccount', 'things').map((blob) => blob.name)).toEqual(['kept'])
    const left = readdirSync(join(dataDir, 'blobs')).flatMap((shard) =>
      readdirSync(join(dataDir, 'blobs', shard)),
    )
    expect(left).toHaveLength(1)
    db.close()
  })

  it('signs a SAS that the official client can use', async () => {
    const one = await server()
    await (await containerOf(one)).getBlockBlobClient('x').upload('x', 1)
    const query = one.engine.sas('someaccount', 'things', undefined, 'lr', soon())
    const client = new BlobServiceClient(`${one.origin}/someaccount?${query}`)
    const container = client.getContainerClient('things')
    expect(String(await container.getBlobClient('x').downloadToBuffer())).toBe('x')
  })
})

const soon = (): Date => new Date(Date.now() + 60_000)

/** The path goes over the wire as it is; every client library would tidy it first. */
function rawPut(one: TestBlobServer, path: string, body: string): Promise<number> {
  const { hostname, port } = new URL(one.origin)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    socket.on('error', reject)
    socket.on('data', (data) => {
      resolve(Number(String(data).split(' ')[1]))
      socket.destroy()
    })
    socket.write(
      `PUT ${path} HTTP/1.1\r\nhost: x\r\nx-ms-blob-type: BlockBlob\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    )
  })
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
}
