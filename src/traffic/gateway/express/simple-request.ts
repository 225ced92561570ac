/**
 * A request that needs no parser of general HTTP: everything about it is plain, and its head came in
 * one piece. Whatever else arrives goes to Node's own parser with all that follows on its connection.
 */
export interface SimpleRequest {
  readonly method: 'GET' | 'POST'
  readonly target: string
  readonly authorization: string | undefined
  /** Lines for the upstream, each with its end; without those about this connection and the host. */
  readonly headers: string
  /** Bytes of body that were announced; undefined: none was. */
  readonly bodyBytes: number | undefined
  /** Where the body begins in the piece. */
  readonly headBytes: number
}

const requestLine = /^(GET|POST) (\/[!-~]*) HTTP\/1\.1$/
/** RFC 9110, 5.5 and 5.6.2, and nothing more lenient: two readings of one request are an attack. */
export const headerLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t -~\x80-\xff]*?)[ \t]*$/

const longestHead = 16 * 1024

/** Headers that change what the bytes mean: their requests are not simple. */
const notSimple = new Set([
  'transfer-encoding',
  'expect',
  'upgrade',
  'te',
  'trailer',
  'proxy-authorization',
  'proxy-connection',
  'http2-settings',
])

/** Undefined: let Node's parser have it. */
export function readSimpleRequest(piece: Buffer, mostBodyBytes: number): SimpleRequest | undefined {
  const end = piece.indexOf('\r\n\r\n')
  if (end < 0 || end > longestHead) return undefined
  const [first = '', ...lines] = piece.toString('latin1', 0, end).split('\r\n')
  const [, method, target = ''] = requestLine.exec(first) ?? []
  if (method === undefined) return undefined
  let headers = ''
  let hosts = 0
  let authorization: string | undefined
  let bodyBytes: number | undefined
  for (const line of lines) {
    const [, given = '', value = ''] = headerLine.exec(line) ?? []
    const name = given.toLowerCase()
    if (name === '' || notSimple.has(name)) return undefined
    if (name === 'host') hosts += 1
    else if (name === 'connection') {
      if (value.toLowerCase() !== 'keep-alive') return undefined
    } else if (name === 'authorization') {
      if (authorization !== undefined) return undefined
      authorization = value
    } else if (name === 'content-length') {
      if (bodyBytes !== undefined || !/^\d{1,9}$/.test(value)) return undefined
      bodyBytes = Number(value)
    } else if (name !== 'keep-alive') headers += `${name}: ${value}\r\n`
  }
  if (hosts !== 1 || (bodyBytes ?? 0) > mostBodyBytes) return undefined
  return {
    method: method as 'GET',
    target,
    authorization,
    headers,
    bodyBytes,
    headBytes: end + 4,
  }
}
