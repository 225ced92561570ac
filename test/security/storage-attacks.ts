import { createHmac } from 'node:crypto'
import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  BlobSASPermissions,
  generateAccountSASQueryParameters,
  generateBlobSASQueryParameters,
  SASProtocol,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import type { Attack, World } from './attack.ts'

const version = { 'x-ms-version': '2025-01-05' }
const hour = 3_600_000
const at = (ms: number) => new Date(Date.now() + ms)
const putHeaders = { ...version, 'x-ms-blob-type': 'BlockBlob', 'content-type': 'text/plain' }

// --- SAS -----------------------------------------------------------------------------------------

interface SasOptions {
  readonly permissions?: string
  readonly blobName?: string
  readonly startsOn?: Date
  readonly expiresOn?: Date
  readonly ip?: string
  readonly key?: string
}

/** A good SAS of the official client: reads blob `b1`. */
function blobSas(world: World, options: SasOptions = {}): URLSearchParams {
  const { permissions = 'r', blobName = 'b1', expiresOn = at(hour), startsOn, ip } = options
  const credential = new StorageSharedKeyCredential(world.account, options.key ?? world.keys[0])
  const values = {
    ...{ containerName: 'con1', blobName, expiresOn, protocol: SASProtocol.HttpsAndHttp },
    permissions: BlobSASPermissions.parse(permissions),
    ...(startsOn && { startsOn }),
    ...(ip && { ipRange: { start: ip } }),
  }
  return new URLSearchParams(`${generateBlobSASQueryParameters(values, credential)}`)
}

/** A good account SAS: reads blobs of every container. */
function accountSas(world: World, services = 'b', types = 'o'): URLSearchParams {
  const credential = new StorageSharedKeyCredential(world.account, world.keys[0])
  const values = {
    permissions: AccountSASPermissions.parse('r'),
    services: AccountSASServices.parse(services).toString(),
    resourceTypes: AccountSASResourceTypes.parse(types).toString(),
    expiresOn: at(hour),
  }
  return new URLSearchParams(`${generateAccountSASQueryParameters(values, credential)}`)
}

type Change = (sas: URLSearchParams) => void
const set =
  (field: string, value: string): Change =>
  (sas) =>
    sas.set(field, value)

const use = (
  world: World,
  sas: URLSearchParams,
  { method = 'GET', blob = 'b1', container = 'con1' } = {},
) =>
  world.call(method, `${world.storageOrigin}/${world.account}/${container}/${blob}?${sas}`, {
    token: null,
    ...(method === 'PUT' ? { headers: putHeaders, body: 'stolen' } : { headers: version }),
  })

/** Every field of a good SAS, changed after it was signed. */
const changed: ReadonlyArray<readonly [string, Change]> = [
  ['sp', set('sp', 'racwdl')],
  ['se', set('se', '2099-01-01T00:00:00Z')],
  ['st', set('st', '2020-01-01T00:00:00Z')],
  ['sr', set('sr', 'c')],
  ['sv', set('sv', '2019-12-12')],
  ['spr', set('spr', 'https')],
  ['sip', set('sip', '127.0.0.1')],
  ['rsct', set('rsct', 'text/html')],
  ['rscd', set('rscd', 'attachment')],
  ['sig', set('sig', Buffer.alloc(32).toString('base64'))],
  ['sig (empty)', set('sig', '')],
  ['sig (cut short)', (sas) => sas.set('sig', String(sas.get('sig')).slice(0, 10))],
  ['si', set('si', 'policy')],
  ['skoid', set('skoid', 'someone')],
  ['se (taken away)', (sas) => sas.delete('se')],
  ['sp (taken away)', (sas) => sas.delete('sp')],
  ['sp (given twice)', (sas) => sas.append('sp', 'racwdl')],
  ['se (given twice)', (sas) => sas.append('se', '2099-01-01T00:00:00Z')],
]
const storage = (name: string, send: Attack['send'], status = [403]): Attack => ({
  ...{ name, send, refused: { status, shape: 'storage' } },
})

const sasAttacks: Attack[] = [
  ...changed.map(([field, change]) =>
    storage(`SAS of a blob: ${field} changed`, (world) => {
      const sas = blobSas(world)
      change(sas)
      return use(world, sas)
    }),
  ),
  ...(
    [
      ['ss', set('ss', 'bfqt')],
      ['srt', set('srt', 'sco')],
      ['sp', set('sp', 'rwdlacup')],
      ['se', set('se', '2099-01-01T00:00:00Z')],
      ['sv', set('sv', '2019-12-12')],
      ['sig', set('sig', Buffer.alloc(32).toString('base64'))],
    ] as const
  ).map(([field, change]) =>
    storage(`SAS of an account: ${field} changed`, (world) => {
      const sas = accountSas(world)
      change(sas)
      return use(world, sas)
    }),
  ),
  storage('SAS of an account: for another service', (w) => use(w, accountSas(w, 'q', 'o'))),
  storage('SAS of an account: for another resource type', (w) => use(w, accountSas(w, 'b', 's'))),
  storage('SAS: used for another blob', (w) => use(w, blobSas(w), { blob: 'b2' })),
  storage('SAS: used for another container', (w) => use(w, blobSas(w), { container: 'con2' })),
  storage('SAS: used to write with read alone', (w) => use(w, blobSas(w), { method: 'PUT' })),
  storage('SAS: used to delete with read alone', (w) => use(w, blobSas(w), { method: 'DELETE' })),
  storage('SAS: create used to replace', (w) =>
    use(w, blobSas(w, { permissions: 'c' }), { method: 'PUT' }),
  ),
  storage('SAS: expired', (w) => use(w, blobSas(w, { expiresOn: at(-1000) }))),
  storage('SAS: not valid yet', (w) =>
    use(w, blobSas(w, { startsOn: at(hour), expiresOn: at(2 * hour) })),
  ),
  storage('SAS: for another address', (w) => use(w, blobSas(w, { ip: '203.0.113.9' }))),
  storage('SAS: signed with a key that is not the account’s', (w) =>
    use(w, blobSas(w, { key: Buffer.alloc(64, 7).toString('base64') })),
  ),
  storage('SAS: of a blob used to list its container', (world) =>
    world.call(
      'GET',
      `${world.storageOrigin}/${world.account}/con1?restype=container&comp=list&${blobSas(world, { permissions: 'r' })}`,
      { token: null, headers: version },
    ),
  ),
]

// --- Shared Key ----------------------------------------------------------------------------------

interface Signed {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
}

/** A good Put Blob, signed as Azure documents it. */
function signedPut(world: World, key: string, date = new Date()): Signed {
  const path = `/${world.account}/con1/b1`
  const headers: Record<string, string> = {
    ...putHeaders,
    'x-ms-date': date.toUTCString(),
    'content-length': '6',
  }
  const lines = Object.keys(headers)
    .filter((name) => name.startsWith('x-ms-'))
    .sort()
    .map((name) => `${name}:${headers[name]}\n`)
    .join('')
  const text = `PUT\n\n\n6\n\ntext/plain\n\n\n\n\n\n\n${lines}/${world.account}${path}`
  const signature = createHmac('sha256', Buffer.from(key, 'base64')).update(text).digest('base64')
  headers.authorization = `SharedKey ${world.account}:${signature}`
  return { method: 'PUT', path, headers }
}
const sendSigned = (world: World, { method, path, headers }: Signed) =>
  world.call(method, `${world.storageOrigin}${path}`, { token: null, headers, body: 'stolen' })

const keyChanges: ReadonlyArray<readonly [string, (world: World) => Signed]> = [
  ['a wrong key', (w) => signedPut(w, Buffer.alloc(64, 7).toString('base64'))],
  ['a date of yesterday', (w) => signedPut(w, w.keys[0], at(-24 * hour))],
  ['a date of tomorrow', (w) => signedPut(w, w.keys[0], at(24 * hour))],
  [
    'another path than signed',
    (w) => ({ ...signedPut(w, w.keys[0]), path: `/${w.account}/con1/b2` }),
  ],
  [
    'a query that was not signed',
    (w) => ({ ...signedPut(w, w.keys[0]), path: `/${w.account}/con1/b1?comp=metadata` }),
  ],
  ['another method than signed', (w) => ({ ...signedPut(w, w.keys[0]), method: 'DELETE' })],
  [
    'a header that was not signed',
    (w) => {
      const signed = signedPut(w, w.keys[0])
      return { ...signed, headers: { ...signed.headers, 'x-ms-meta-owner': 'me' } }
    },
  ],
  [
    'another content type than signed',
    (w) => {
      const signed = signedPut(w, w.keys[0])
      return { ...signed, headers: { ...signed.headers, 'content-type': 'text/html' } }
    },
  ],
  [
    'no date',
    (w) => {
      const signed = signedPut(w, w.keys[0])
      const { 'x-ms-date': _date, ...headers } = signed.headers
      return { ...signed, headers }
    },
  ],
  [
    'another account’s name',
    (w) => {
      const signed = signedPut(w, w.keys[0])
      const authorization = String(signed.headers.authorization).replace(w.account, 'other')
      return { ...signed, headers: { ...signed.headers, authorization } }
    },
  ],
  [
    'SharedKeyLite',
    (w) => {
      const signed = signedPut(w, w.keys[0])
      const authorization = String(signed.headers.authorization).replace('Key', 'KeyLite')
      return { ...signed, headers: { ...signed.headers, authorization } }
    },
  ],
]

const endpointKeys: Attack[] = ['', 'wrong', 'x'.repeat(10_000)].map((key) => ({
  name: `scoring: an endpoint key that is ${key === '' ? 'missing' : key.length > 100 ? 'far too long' : 'wrong'}`,
  refused: { status: [401, 431], shape: 'azure' as const },
  send: async (world: World) => {
    const { body } = await world.call('GET', world.workspaceId)
    const { workspaceId } = (body as { properties: { workspaceId: string } }).properties
    return world.call('POST', `/inference/${workspaceId}/e1/score`, {
      token: null,
      ...{ body: {}, headers: key === '' ? {} : { authorization: `Bearer ${key}` } },
    })
  },
}))

export const storageAttacks: readonly Attack[] = [
  ...sasAttacks,
  ...keyChanges.map(([what, make]) =>
    storage(`account key: ${what}`, (world) => sendSigned(world, make(world)), [400, 403]),
  ),
  ...endpointKeys,
]

/** What the attacks change has to work unchanged, or their refusal proves nothing. */
export const goodStorageRequests: ReadonlyArray<
  readonly [string, (world: World) => ReturnType<typeof use>]
> = [
  ['a SAS of a blob', (world) => use(world, blobSas(world))],
  ['a SAS of a blob for this address', (world) => use(world, blobSas(world, { ip: '127.0.0.1' }))],
  ['a SAS of an account', (world) => use(world, accountSas(world))],
  ['a shared key', (world) => sendSigned(world, signedPut(world, world.keys[0]))],
]
