import type { Duplex } from 'node:stream'
import type { MalformedHandler } from './listener.ts'

/**
 * Answers what Node's parser refused: two lengths, broken chunks, too long a head. The connection
 * ends, because nobody knows where the next request in it would begin.
 */
export const refuseMalformed =
  (type: string, bodyOf: (code: string, message: string) => string): MalformedHandler =>
  (error, socket: Duplex) => {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    const isTooLong = code === 'HPE_HEADER_OVERFLOW'
    const status = isTooLong ? '431 Request Header Fields Too Large' : '400 Bad Request'
    const body = isTooLong
      ? bodyOf('RequestHeaderTooLarge', 'The headers of the request are too long.')
      : bodyOf('BadRequest', 'The request is not valid HTTP.')
    const head = `content-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}`
    socket.end(`HTTP/1.1 ${status}\r\n${head}\r\nconnection: close\r\n\r\n${body}`)
  }
