import { headerLine } from './simple-request.ts'

/** How the end of an answer is known. */
export type Framing =
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until-close' }

export interface AnswerHead {
  readonly status: number
  /** Status line and headers for the caller, without the empty line at the end. */
  readonly text: string
  readonly framing: Framing
  /** The upstream keeps its connection open afterwards. */
  readonly isKept: boolean
  /** Where the body begins. */
  readonly headBytes: number
}

const statusLine = /^HTTP\/1\.([01]) (\d{3})(?: ([\t -~\x80-\xff]*))?$/
/** Headers about one connection do not travel further (RFC 9110, 7.6.1). */
const dropped = new Set(['keep-alive', 'proxy-connection', 'upgrade', 'te', 'proxy-authenticate'])

const longestHead = 64 * 1024

/** Undefined: not all there yet. Throws when it is no HTTP that can be passed on safely. */
export function readAnswerHead(bytes: Buffer): AnswerHead | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) {
    if (bytes.length > longestHead) throw new Error('the head of the answer is too long')
    return undefined
  }
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n')
  const [, minor, code, reason = ''] = statusLine.exec(first) ?? []
  if (code === undefined) throw new Error('the answer has no status line')
  const status = Number(code)
  let text = `HTTP/1.1 ${code} ${reason}\r\n`
  let length: number | undefined
  let isChunked = false
  let isKept = minor === '1'
  for (const line of lines) {
    const [, given = '', value = ''] = headerLine.exec(line) ?? []
    const name = given.toLowerCase()
    if (name === '') throw new Error('the answer has a broken header')
    if (name === 'connection') {
      // Headers named here belong to the connection; nobody names others than these two.
      isKept = isKept && value.toLowerCase() === 'keep-alive'
      continue
    }
    if (dropped.has(name)) continue
    if (name === 'content-length') length = lengthOf(value, length)
    if (name === 'transfer-encoding') {
      if (isChunked || value.toLowerCase() !== 'chunked') throw new Error('unknown encoding')
      isChunked = true
    }
    text += `${given}: ${value}\r\n`
  }
  if (isChunked && length !== undefined) throw new Error('the answer has two lengths')
  const framing = framingOf(status, length, isChunked)
  return {
    status,
    text,
    framing,
    isKept: isKept && framing.kind !== 'until-close',
    headBytes: end + 4,
  }
}

function lengthOf(value: string, before: number | undefined): number {
  const length = Number(value)
  if (!/^\d{1,15}$/.test(value) || (before !== undefined && before !== length)) {
    throw new Error('the answer has no clear length')
  }
  return length
}

function framingOf(status: number, length: number | undefined, isChunked: boolean): Framing {
  if (status < 200 || status === 204 || status === 304) return { kind: 'length', bytes: 0 }
  if (isChunked) return { kind: 'chunked' }
  return length === undefined ? { kind: 'until-close' } : { kind: 'length', bytes: length }
}
