import { createHmac } from 'node:crypto'

/** The version whose string-to-sign this region writes itself. */
const version = '2020-12-06'

export interface ServiceSasRequest {
  readonly account: string
  readonly container: string
  /** Undefined: a SAS for the whole container. */
  readonly blob: string | undefined
  /** Letters of the REST documentation, e.g. `rl`. */
  readonly permissions: string
  readonly expiresAt: Date
}

/** A service SAS as a query string, without the question mark. */
export function serviceSas(request: ServiceSasRequest, key: string): string {
  const query = new Map([
    ['sv', version],
    ['se', request.expiresAt.toISOString().replace(/\.\d{3}Z$/, 'Z')],
    ['sr', request.blob === undefined ? 'c' : 'b'],
    ['sp', inOrder(request.permissions)],
  ])
  const signed = serviceStringToSign(query, request, 'blob')
  query.set('sig', sign(signed, key))
  return [...query].map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')
}

/** The service wants permissions in one fixed order. */
function inOrder(permissions: string): string {
  return [...'racwdxyltmeopi'].filter((letter) => permissions.includes(letter)).join('')
}

export function sign(text: string, key: string): string {
  return createHmac('sha256', Buffer.from(key, 'base64')).update(text, 'utf8').digest('base64')
}

/** What a service SAS signs, by its version (`sv`). */
export function serviceStringToSign(
  query: ReadonlyMap<string, string>,
  place: {
    readonly account: string
    readonly container: string
    readonly blob?: string | undefined
  },
  service: 'blob' | 'file',
): string {
  const q = (name: string): string => query.get(name) ?? ''
  const sv = q('sv')
  const isWhole = q('sr') === 'c' || q('sr') === 's'
  const resource = isWhole ? `/${place.container}` : `/${place.container}/${place.blob ?? ''}`
  const isBlob = service === 'blob'
  return [
    q('sp'),
    q('st'),
    q('se'),
    `/${service}/${place.account}${resource}`,
    q('si'),
    q('sip'),
    q('spr'),
    sv,
    ...(isBlob && sv >= '2018-11-09' ? [q('sr'), stateOf(query)] : []),
    ...(isBlob && sv >= '2020-12-06' ? [q('ses')] : []),
    q('rscc'),
    q('rscd'),
    q('rsce'),
    q('rscl'),
    q('rsct'),
  ].join('\n')
}

/** A SAS for one snapshot or version (`bs`, `bv`) signs which one. */
function stateOf(query: ReadonlyMap<string, string>): string {
  const name = { bs: 'snapshot', bv: 'versionid' }[query.get('sr') ?? '']
  return (name === undefined ? undefined : query.get(name)) ?? ''
}

/** What an account SAS signs. */
export function accountStringToSign(query: ReadonlyMap<string, string>, account: string): string {
  const q = (name: string): string => query.get(name) ?? ''
  const sv = q('sv')
  const scope = sv >= '2020-12-06' ? [q('ses')] : []
  const parts = [q('sp'), q('ss'), q('srt'), q('st'), q('se'), q('sip'), q('spr'), sv]
  return [account, ...parts, ...scope, ''].join('\n')
}
