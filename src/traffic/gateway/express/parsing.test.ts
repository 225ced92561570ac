import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readAnswerHead } from './answer-head.ts'
import { bodyEnd } from './body-end.ts'
import { readSimpleRequest } from './simple-request.ts'

const read = (text: string) => readSimpleRequest(Buffer.from(text, 'latin1'), 1000)

describe('a simple request', () => {
  it('is read without what belongs to its connection', () => {
    const text =
      'POST /endpoints/hot/score?a=1 HTTP/1.1\r\nHost: h\r\nX-One:  two \r\nAuthorization: Bearer k\r\nConnection: Keep-Alive\r\nContent-Length: 4\r\n\r\nbody'
    expect(read(text)).toEqual({
      method: 'POST',
      target: '/endpoints/hot/score?a=1',
      authorization: 'Bearer k',
      headers: 'x-one: two\r\n',
      bodyBytes: 4,
      headBytes: text.length - 4,
    })
  })

  const line = 'GET / HTTP/1.1\r\n'
  const notSimple: readonly [string, string][] = [
    ['an unfinished head', `${line}Host: h\r\n`],
    ['another method', 'PUT / HTTP/1.1\r\nHost: h\r\n\r\n'],
    ['another version', 'GET / HTTP/1.0\r\nHost: h\r\n\r\n'],
    ['an absolute target', 'GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n'],
    ['a blank in the target', 'GET /a b HTTP/1.1\r\nHost: h\r\n\r\n'],
    ['no host', `${line}a: b\r\n\r\n`],
    ['two hosts', `${line}Host: h\r\nHost: i\r\n\r\n`],
    ['a chunked body', `${line}Host: h\r\nTransfer-Encoding: chunked\r\n\r\n`],
    ['both framings', `${line}Host: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n`],
    ['two lengths', `${line}Host: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc`],
    ['a list of lengths', `${line}Host: h\r\nContent-Length: 3, 3\r\n\r\nabc`],
    ['a signed length', `${line}Host: h\r\nContent-Length: +3\r\n\r\nabc`],
    ['a blank before the colon', `${line}Host: h\r\nContent-Length : 3\r\n\r\nabc`],
    ['a folded line', `${line}Host: h\r\na: b\r\n c\r\n\r\n`],
    ['a bare line feed', `${line}Host: h\r\na: b\nContent-Length: 3\r\n\r\nabc`],
    ['a bare carriage return', `${line}Host: h\r\na: b\rc: d\r\n\r\n`],
    ['a zero byte', `${line}Host: h\r\na: b\0\r\n\r\n`],
    ['a line without colon', `${line}Host: h\r\nabc\r\n\r\n`],
    ['an expectation', `${line}Host: h\r\nExpect: 100-continue\r\n\r\n`],
    ['an upgrade', `${line}Host: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`],
    ['a connection to be closed', `${line}Host: h\r\nConnection: close\r\n\r\n`],
    ['a header of the connection', `${line}Host: h\r\nConnection: x-mine\r\nX-Mine: 1\r\n\r\n`],
    ['two authorizations', `${line}Host: h\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n`],
    ['a large body', `${line}Host: h\r\nContent-Length: 1001\r\n\r\n`],
  ]
  it.each(notSimple)('is not one with %s', (_, text) => {
    expect(read(text)).toBeUndefined()
  })
})

const head = (text: string) => readAnswerHead(Buffer.from(`${text}\r\n\r\n`, 'latin1'))

describe('the head of an answer', () => {
  it('tells how its body ends, and loses what belongs to its connection', () => {
    expect(head('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nKeep-Alive: timeout=5')).toMatchObject({
      status: 200,
      text: 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n',
      framing: { kind: 'length', bytes: 3 },
      isKept: true,
    })
    expect(head('HTTP/1.1 200\r\nTransfer-Encoding: chunked')?.framing.kind).toBe('chunked')
    expect(head('HTTP/1.1 200 OK\r\nx: y')).toMatchObject({
      framing: { kind: 'until-close' },
      isKept: false,
    })
    expect(head('HTTP/1.1 204 No Content')?.framing).toEqual({ kind: 'length', bytes: 0 })
    expect(head('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0')?.isKept).toBe(false)
    expect(readAnswerHead(Buffer.from('HTTP/1.1 200 OK\r\nx'))).toBeUndefined()
  })

  it.each([
    'HTTP/2 200 OK',
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4',
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked',
    'HTTP/1.1 200 OK\r\nContent-Length: -3',
    'HTTP/1.1 200 OK\r\nx : y',
  ])('is refused when it can be read in two ways: %j', (text) => {
    expect(() => head(text)).toThrow()
  })
})

describe('a chunked body', () => {
  it('ends where it ends, however it is cut', () => {
    const bodies = fc.tuple(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 400 }), { maxLength: 6 }),
      fc.constantFrom('', ';ext=1'),
      fc.constantFrom('', 'trailer: x\r\n', 'a: b\r\nc: d\r\n'),
      fc.array(fc.nat(2000), { maxLength: 8 }),
    )
    fc.assert(
      fc.property(bodies, ([chunks, extension, trailer, cuts]) => {
        const parts = chunks.flatMap((chunk) => [
          Buffer.from(`${chunk.length.toString(16)}${extension}\r\n`),
          Buffer.from(chunk),
          Buffer.from('\r\n'),
        ])
        const body = Buffer.concat([...parts, Buffer.from(`0\r\n${trailer}\r\n`)])
        const all = Buffer.concat([body, Buffer.from('HTTP/1.1 ')])
        const ends = [...new Set(cuts.map((cut) => cut % all.length)), all.length].sort(
          (a, b) => a - b,
        )
        const end = bodyEnd({ kind: 'chunked' })
        let taken = 0
        let from = 0
        for (const to of ends) {
          const { bytes, isOver } = end.take(all.subarray(from, to))
          taken += bytes
          from = to
          if (isOver) {
            expect(taken).toBe(body.length)
            return
          }
        }
        expect.unreachable('the end was not found')
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    'x\r\n',
    '\r\n',
    '5\nabcde',
    '5x\r\n',
    '1\r\na\n',
    '1\r\na\r\r',
    '3\r\nabcd\r\n',
    '1111111111111\r\n',
  ])('that is broken is refused: %j', (text) => {
    const end = bodyEnd({ kind: 'chunked' })
    expect(() => end.take(Buffer.from(text))).toThrow()
  })
})
