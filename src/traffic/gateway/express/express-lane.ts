import type { Server, Socket } from 'node:net'
import type { Counters } from '../counters.ts'
import { rememberingKeys } from '../endpoint-keys.ts'
import type { ForwardTools } from '../forward.ts'
import type { GatewayPointer } from '../pointer.ts'
import { type RoutedRequest, routeRequest } from '../route.ts'
import { ExpressExchange } from './express-exchange.ts'
import { readSimpleRequest, type SimpleRequest } from './simple-request.ts'

export interface ExpressLaneOptions {
  readonly tools: ForwardTools
  readonly counters: Counters
  readonly pointer: () => GatewayPointer | undefined
  /** How long a caller may be silent, in milliseconds. */
  readonly idleMs: number
}

export interface ExpressLane {
  /** Ends the connections that are in it. */
  close(): void
}

/**
 * Takes the connections of a server of Node's and serves plain requests itself, from bytes to bytes,
 * at a fraction of the time. The first request that is not plain takes its connection back to Node's
 * own parser, for good.
 */
export function openExpressLane(
  server: Server,
  event: 'connection' | 'secureConnection',
  options: ExpressLaneOptions,
): ExpressLane {
  const nodesOwn = server.listeners(event) as ((this: Server, socket: Socket) => void)[]
  server.removeAllListeners(event)
  const sockets = new Set<Socket>()
  const routes = routeCache()
  server.on(event, (socket: Socket) => {
    sockets.add(socket)
    const forget = () => sockets.delete(socket)
    socket.once('close', forget)
    const handOver = (piece: Buffer) => {
      socket.off('close', forget)
      forget()
      socket.setTimeout(0)
      socket.pause()
      socket.unshift(piece)
      for (const listener of nodesOwn) listener.call(server, socket)
      socket.resume()
    }
    new ExpressConnection(socket, options, routes, handOver).open()
  })
  return {
    close() {
      for (const socket of sockets) socket.destroy()
    },
  }
}

type Routes = (pointer: GatewayPointer, method: string, target: string) => RoutedRequest | undefined

const mostRoutes = 1000

/** Routes of one pointer; callers ask for few different ones again and again. */
function routeCache(): Routes {
  let of: GatewayPointer | undefined
  let routes = new Map<string, RoutedRequest | undefined>()
  return (pointer, method, target) => {
    if (pointer !== of || routes.size > mostRoutes) {
      of = pointer
      routes = new Map()
    }
    const key = `${method} ${target}`
    const known = routes.get(key)
    if (known !== undefined) return known
    const routing = routeRequest(pointer, method, target)
    if (!routing.ok) return undefined
    routes.set(key, routing.request)
    return routing.request
  }
}

/** A request of which not all has come. */
interface Partial {
  readonly simple: SimpleRequest
  readonly pieces: Buffer[]
  size: number
}

class ExpressConnection {
  readonly #socket: Socket
  readonly #options: ExpressLaneOptions
  readonly #routes: Routes
  readonly #handOver: (piece: Buffer) => void
  readonly #keys = rememberingKeys()
  #exchange: ExpressExchange | undefined
  #partial: Partial | undefined
  /** What came while a request was under way. */
  #waiting: Buffer | undefined

  constructor(
    socket: Socket,
    options: ExpressLaneOptions,
    routes: Routes,
    handOver: (piece: Buffer) => void,
  ) {
    this.#socket = socket
    this.#options = options
    this.#routes = routes
    this.#handOver = handOver
  }

  open(): void {
    this.#socket.setNoDelay(true)
    this.#socket.setTimeout(this.#options.idleMs)
    this.#socket.on('data', this.#onData)
    this.#socket.on('end', this.#onEnd)
    this.#socket.on('timeout', this.#onTimeout)
    this.#socket.on('close', this.#onClose)
    this.#socket.on('error', this.#onError)
  }

  readonly #onData = (piece: Buffer): void => {
    if (this.#exchange !== undefined) {
      this.#waiting = this.#waiting === undefined ? piece : Buffer.concat([this.#waiting, piece])
      this.#socket.pause()
    } else if (this.#partial !== undefined) this.#continue(this.#partial, piece)
    else this.#begin(piece)
  }

  /** As Node does: who says that he has no more to say has hung up, as far as can be told. */
  readonly #onEnd = (): void => {
    if (this.#exchange === undefined) this.#socket.end()
    else this.#socket.destroy()
  }

  readonly #onTimeout = (): void => {
    // The upstream has a limit of its own.
    if (this.#exchange === undefined) this.#socket.destroy()
  }

  readonly #onClose = (): void => this.#exchange?.abandon()

  /** `close` follows, and does what there is to do. */
  readonly #onError = (): void => undefined

  #begin(piece: Buffer): void {
    const simple = readSimpleRequest(piece, this.#options.tools.heldBytes)
    if (simple === undefined) {
      this.#leave(piece)
      return
    }
    const have = piece.length - simple.headBytes
    if (have >= (simple.bodyBytes ?? 0)) this.#serve(simple, piece)
    else this.#partial = { simple, pieces: [piece], size: piece.length }
  }

  #continue(partial: Partial, piece: Buffer): void {
    partial.pieces.push(piece)
    partial.size += piece.length
    const { simple } = partial
    if (partial.size < simple.headBytes + (simple.bodyBytes ?? 0)) return
    this.#partial = undefined
    this.#serve(simple, Buffer.concat(partial.pieces))
  }

  /** `bytes`: the whole request, and what came after it. */
  #serve(simple: SimpleRequest, bytes: Buffer): void {
    const { pointer: current, tools, counters } = this.#options
    const pointer = current()
    const routed = pointer && this.#routes(pointer, simple.method, simple.target)
    if (pointer === undefined || routed === undefined) {
      this.#leave(bytes)
      return
    }
    const end = simple.headBytes + (simple.bodyBytes ?? 0)
    if (bytes.length > end) this.#waiting = bytes.subarray(end)
    const body = simple.bodyBytes === undefined ? undefined : bytes.subarray(simple.headBytes, end)
    const counter = counters.of(routed.counter)
    const request = { simple, body, pointer, routed, counter, keys: this.#keys }
    this.#exchange = new ExpressExchange(this.#socket, tools, request, this.#finished)
    this.#exchange.start()
  }

  readonly #finished = (isKept: boolean): void => {
    this.#exchange = undefined
    if (!isKept) {
      this.#socket.end()
      return
    }
    const waiting = this.#waiting
    this.#waiting = undefined
    if (this.#socket.isPaused()) this.#socket.resume()
    if (waiting !== undefined) this.#begin(waiting)
  }

  #leave(piece: Buffer): void {
    this.#socket.off('data', this.#onData)
    this.#socket.off('end', this.#onEnd)
    this.#socket.off('timeout', this.#onTimeout)
    this.#socket.off('close', this.#onClose)
    this.#socket.off('error', this.#onError)
    this.#handOver(piece)
  }
}
