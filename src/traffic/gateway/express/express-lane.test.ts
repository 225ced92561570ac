import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type Bench, clearBenches, startBench, until } from '../../testing/gateway-bench.ts'

afterEach(clearBenches)

/** A caller that says exactly what it is told. */
function dial({ gateway }: Bench) {
  const { port } = new URL(gateway.origin)
  const socket = connect(Number(port), '127.0.0.1')
  let text = ''
  let isOver = false
  socket.on('data', (piece) => {
    text += piece.toString('latin1')
  })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    isOver = true
  })
  return {
    socket,
    say: (words: string) => void socket.write(words, 'latin1'),
    text: () => text,
    isOver: () => isOver,
    heard: (words: string) => until(() => text.includes(words)),
  }
}

const get = (extra = '') => `GET /endpoints/hot/score HTTP/1.1\r\nHost: h\r\n${extra}\r\n`

async function started(): Promise<Bench> {
  const bench = await startBench()
  await bench.switchTo('east', 1)
  return bench
}

describe('the express lane', () => {
  it('sends and answers what Node’s own lane does', async () => {
    const bench = await started()
    bench.east.answer = (_request, response) => {
      response.writeHead(201, {
        'x-a': ['1', '2'],
        'content-type': 'text/plain',
        'content-length': 4,
      })
      response.end('done')
    }
    const post = (extra: string) =>
      `POST /endpoints/hot/score?x=1 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer west-second-key\r\nX-B: c\r\n${extra}Content-Length: 5\r\n\r\nhello`
    const answers: string[] = []
    // A header that only Node's lane knows what to do with is the one difference.
    for (const extra of ['', 'TE: trailers\r\n']) {
      const caller = dial(bench)
      caller.say(post(extra))
      await caller.heard('done')
      const lines = caller.text().split('\r\n')
      answers.push(
        lines
          .map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase()))
          .filter((line) => !/^(date|connection|keep-alive):/.test(line))
          .sort()
          .join('\n'),
      )
      caller.socket.destroy()
    }
    expect(answers[0]).toBe(answers[1])
    const [first, second] = bench.east.received.map(({ headers, ...rest }) => {
      const { connection: _connection, ...others } = headers
      return { ...rest, headers: others }
    })
    expect(first).toEqual(second)
    expect(first?.headers.authorization).toBe('Bearer east-second-key')
  })

  it('takes requests in pieces, and several in one piece', async () => {
    const bench = await started()
    bench.east.answer = ({ body }, response) => response.end(`<${body}>`)
    const caller = dial(bench)
    const post = (body: string) =>
      `POST /endpoints/hot/score HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    for (const piece of [
      'POST /endpoints/hot/score HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nab',
      'cd',
      'ef',
    ]) {
      caller.say(piece)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await caller.heard('<abcdef>')
    caller.say(post('one') + post('two') + post('three'))
    await caller.heard('<three>')
    expect(bench.east.received.map(({ body }) => body)).toEqual(['abcdef', 'one', 'two', 'three'])
    expect(caller.text().indexOf('<one>')).toBeLessThan(caller.text().indexOf('<two>'))
  })

  it('gives a connection back to Node’s own lane in the middle of its life', async () => {
    const bench = await started()
    const caller = dial(bench)
    caller.say(get())
    await caller.heard('east')
    caller.say(
      'POST /endpoints/hot/score HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    )
    await until(() => bench.east.received.length === 2)
    expect(bench.east.received[1]?.body).toBe('abc')
    caller.say('HEAD /endpoints/hot/score HTTP/1.1\r\nHost: h\r\n\r\n')
    await until(() => bench.east.received.length === 3)
    caller.say('GET /_gateway/status HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
    await caller.heard('"requests":3')
    await until(caller.isOver)
  })

  it('passes on answers of unknown length', async () => {
    const bench = await started()
    bench.east.answer = (_request, response) => {
      response.write('first ')
      response.end('last')
    }
    const caller = dial(bench)
    caller.say(get())
    await caller.heard('0\r\n\r\n')
    expect(caller.text().toLowerCase()).toContain('transfer-encoding: chunked')
    bench.east.answer = (_request, response) => {
      response.useChunkedEncodingByDefault = false
      response.removeHeader('transfer-encoding')
      response.shouldKeepAlive = false
      response.write('until ')
      response.end('the end')
    }
    caller.say(get())
    await caller.heard('until the end')
    await until(caller.isOver)
    expect(caller.text().toLowerCase()).toContain('connection: close')
  })

  it('waits for a slow reader', async () => {
    const bench = await started()
    const size = 8 * 1024 * 1024
    bench.east.answer = (_request, response) => {
      response.setHeader('content-length', size)
      response.end(Buffer.alloc(size, 'x'))
    }
    const caller = dial(bench)
    caller.socket.pause()
    caller.say(get())
    await until(() => bench.east.received.length === 1)
    caller.socket.resume()
    await until(() => caller.text().length > size)
    expect(caller.text().slice(-10)).toBe('xxxxxxxxxx')
  })

  it('lets the upstream off when its caller hangs up', async () => {
    const bench = await started()
    let wasCut = false
    bench.east.answer = (_request, response) => {
      response.once('close', () => {
        wasCut = true
      })
    }
    const caller = dial(bench)
    caller.say(get())
    await until(() => bench.east.received.length === 1)
    caller.socket.destroy()
    await until(() => wasCut)
    expect(bench.gateway.status().members.east).toEqual({})
  })

  it('does not believe an upstream that says more than it announced', async () => {
    const bench = await started()
    bench.east.answer = (_request, response) => {
      response.socket?.end(
        'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\nevil',
      )
    }
    const caller = dial(bench)
    caller.say(get())
    await caller.heard('ok')
    caller.say(get())
    await until(() => bench.east.received.length === 2)
    expect(caller.text()).not.toContain('evil')
  })

  it('asks the other side when an answer cannot be understood', async () => {
    const bench = await started()
    bench.east.answer = (_request, response) => void response.socket?.end('SSH-2.0-x\r\n\r\n')
    const caller = dial(bench)
    caller.say(get())
    await caller.heard('west')
  })
})
