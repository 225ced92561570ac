import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, type SecureContext } from 'node:tls'

/** What an exchange wants to know of its connection. */
export interface WireUser {
  onData(piece: Buffer): void
  /** The connection is gone, or silent for too long; nothing more will come. */
  onEnd(why: WireEnd): void
}

export interface WireEnd {
  readonly reason: 'unreachable' | 'broken' | 'timeout' | 'ended'
  readonly cause?: unknown
}

/** One kept-open connection, used by one exchange at a time. */
export interface Wire {
  readonly socket: Socket
  /** It answered before, so it may have been closed by the other end just now. */
  readonly isUsed: boolean
  /** Gives it back; `isKept` false: closes it. */
  release(isKept: boolean): void
}

export interface WireOptions {
  readonly origin: string
  readonly trust: SecureContext | undefined
  readonly connectTimeoutMs: number
  readonly timeoutMs: number
}

const mostIdle = 128
/** Upstreams close idle connections at will; after this long a fresh one is the safer one. */
const freshMs = 4000

/** Kept-open connections to one origin. */
export class Wires {
  readonly #options: WireOptions
  readonly #idle: OpenWire[] = []
  readonly #open = new Set<OpenWire>()
  #isClosed = false

  constructor(options: WireOptions) {
    this.#options = options
  }

  take(user: WireUser, now: number): Wire {
    for (let wire = this.#idle.pop(); wire !== undefined; wire = this.#idle.pop()) {
      if (wire.isFresh(now)) return wire.use(user)
      wire.socket.destroy()
    }
    const wire = new OpenWire(this.#options, {
      idle: (one) => this.#keep(one),
      gone: (one) => this.#forget(one),
    })
    this.#open.add(wire)
    return wire.use(user)
  }

  /** Idle ones close now, busy ones when they are done. */
  retire(): void {
    this.#isClosed = true
    for (const wire of this.#idle.splice(0)) wire.socket.destroy()
  }

  destroy(): void {
    this.retire()
    for (const wire of this.#open) wire.socket.destroy()
  }

  #keep(wire: OpenWire): void {
    if (this.#isClosed || this.#idle.length >= mostIdle) wire.socket.destroy()
    else this.#idle.push(wire)
  }

  #forget(wire: OpenWire): void {
    this.#open.delete(wire)
    const at = this.#idle.indexOf(wire)
    if (at >= 0) this.#idle.splice(at, 1)
  }
}

interface Owner {
  idle(wire: OpenWire): void
  gone(wire: OpenWire): void
}

class OpenWire implements Wire {
  readonly socket: Socket
  readonly #owner: Owner
  #user: WireUser | undefined
  #isConnected = false
  #idleSince = 0
  isUsed = false

  constructor(options: WireOptions, owner: Owner) {
    this.#owner = owner
    this.socket = open(options)
    this.socket.setNoDelay(true)
    this.socket.setTimeout(options.connectTimeoutMs)
    this.socket.on(options.origin.startsWith('https:') ? 'secureConnect' : 'connect', () => {
      this.#isConnected = true
      this.socket.setTimeout(options.timeoutMs)
    })
    this.socket.on('data', (piece: Buffer) => {
      // Nobody asked: an upstream that talks by itself is not understood.
      if (this.#user === undefined) this.socket.destroy()
      else this.#user.onData(piece)
    })
    this.socket.on('timeout', () =>
      this.#end({ reason: this.#isConnected ? 'timeout' : 'unreachable' }),
    )
    this.socket.on('error', (cause) => this.#end({ reason: this.#reason(), cause }))
    this.socket.on('end', () => this.#end({ reason: 'ended' }))
    this.socket.on('close', () => {
      this.#end({ reason: this.#reason() })
      owner.gone(this)
    })
  }

  use(user: WireUser): this {
    this.#user = user
    return this
  }

  isFresh(now: number): boolean {
    return now - this.#idleSince < freshMs && !this.socket.destroyed
  }

  release(isKept: boolean): void {
    this.#user = undefined
    this.isUsed = true
    this.#idleSince = Date.now()
    if (isKept && !this.socket.destroyed) this.#owner.idle(this)
    else this.socket.destroy()
  }

  #reason(): WireEnd['reason'] {
    return this.#isConnected ? 'broken' : 'unreachable'
  }

  #end(why: WireEnd): void {
    const user = this.#user
    this.#user = undefined
    this.socket.destroy()
    user?.onEnd(why)
  }
}

function open({ origin, trust }: WireOptions): Socket {
  const { protocol, hostname, port } = new URL(origin)
  const host = hostname.replace(/^\[|\]$/g, '')
  const number = Number(port) || (protocol === 'https:' ? 443 : 80)
  if (protocol !== 'https:') return connectTcp({ host, port: number })
  return connectTls({
    host,
    port: number,
    ALPNProtocols: ['http/1.1'],
    // An address has no name to send (RFC 6066, 3).
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    ...(trust === undefined ? {} : { secureContext: trust }),
  })
}
