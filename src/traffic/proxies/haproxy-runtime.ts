import { connect, type Socket } from 'node:net'
import { HoldfastError } from '../../model/errors.ts'

const timeoutMs = 5000

/**
 * Sends one command to HAProxy's runtime API and gives what it prints. `address` is the path of the
 * socket, or `host:port`.
 */
export function haproxyCommand(
  address: string,
  command: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = open(address)
    const chunks: Buffer[] = []
    const fail = (cause: unknown) => {
      socket.destroy()
      reject(signal?.aborted ? signal.reason : unreachable(address, cause))
    }
    const onAbort = () => fail(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    socket.setTimeout(timeoutMs, () => fail(new Error('timeout')))
    socket.on('error', fail)
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('close', () => signal?.removeEventListener('abort', onAbort))
    // HAProxy closes after its answer: the end of the stream is the end of the answer.
    socket.on('end', () => resolve(Buffer.concat(chunks).toString('utf8').trim()))
    socket.write(`${command}\n`)
  })
}

function open(address: string): Socket {
  const [, host, port] = /^([^/]+):(\d+)$/.exec(address) ?? []
  return host === undefined ? connect(address) : connect(Number(port), host)
}

function unreachable(address: string, cause: unknown): HoldfastError {
  return new HoldfastError('traffic.unreachable', 'HAProxy does not answer on its runtime API.', {
    kind: 'transient',
    place: address,
    hint: 'Check `stats socket … level admin` in its configuration, and who may open the socket.',
    cause,
  })
}
