import { createSocket } from 'node:dgram'

export interface DnsServer {
  /** `127.0.0.1:port`. */
  readonly address: string
  stop(): Promise<void>
}

/** A name server for tests: answers every CNAME question with what `lookUp` says at that moment. */
export async function startDnsServer(
  lookUp: (host: string) => Promise<string | undefined>,
): Promise<DnsServer> {
  const socket = createSocket('udp4')
  socket.on('message', async (question, { port, address }) => {
    const { host, end } = nameAt(question, 12)
    const target = await lookUp(host)
    socket.send(answerTo(question.subarray(0, end + 4), target), port, address)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return {
    address: `127.0.0.1:${socket.address().port}`,
    stop: () => new Promise((resolve) => socket.close(() => resolve())),
  }
}

/** RFC 1035, 4.1: header, the question again, and at most one CNAME record. */
function answerTo(question: Buffer, target: string | undefined): Buffer {
  const header = Buffer.from(question.subarray(0, 12))
  header.writeUInt16BE(target === undefined ? 0x8583 : 0x8580, 2)
  header.writeUInt16BE(target === undefined ? 0 : 1, 6)
  header.fill(0, 8, 12)
  const parts = [header, question.subarray(12)]
  if (target !== undefined) {
    const name = encodeName(target)
    const record = Buffer.alloc(12)
    record.writeUInt16BE(0xc00c, 0)
    record.writeUInt16BE(5, 2)
    record.writeUInt16BE(1, 4)
    record.writeUInt16BE(name.length, 10)
    parts.push(record, name)
  }
  return Buffer.concat(parts)
}

function nameAt(message: Buffer, start: number): { host: string; end: number } {
  const labels: string[] = []
  let at = start
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('ascii', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { host: labels.join('.'), end: at + 1 }
}

function encodeName(host: string): Buffer {
  const labels = host.split('.').map((label) => {
    return Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'ascii')])
  })
  return Buffer.concat([...labels, Buffer.from([0])])
}
