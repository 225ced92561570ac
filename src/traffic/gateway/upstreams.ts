import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls'
import { Pool } from 'undici'
import { Wires } from './express/wires.ts'
import type { GatewayPointer, MemberRoute } from './pointer.ts'

export interface UpstreamOptions {
  /** Time to connect, TLS included. */
  readonly connectTimeoutMs: number
  /** Time to the first byte of an answer, and between two pieces of it. */
  readonly timeoutMs: number
  /** Connections per upstream origin. */
  readonly connections: number
}

/** Kept-open connections to every origin of every member. */
export class Upstreams {
  readonly #options: UpstreamOptions
  #pools = new Map<string, Pool>()
  #wires = new Map<string, Wires>()
  #cas = new Map<string, string | undefined>()
  readonly #trust = new Map<string, SecureContext>()

  constructor(options: UpstreamOptions) {
    this.#options = options
  }

  /**
   * Makes ready for a pointer; throws when a CA cannot be read, and then nothing has changed. Pools
   * that nobody needs any more finish what they do and close.
   */
  async adopt(pointer: GatewayPointer, pointerFile: string): Promise<void> {
    const cas = new Map<string, string | undefined>()
    for (const [member, route] of Object.entries(pointer.members)) {
      cas.set(member, await caOf(route, pointerFile))
    }
    const isNeeded = (key: string): boolean => {
      const [member = '', origin = ''] = splitKey(key)
      const route = pointer.members[member]
      const isSameCa = this.#cas.get(member) === cas.get(member)
      return isSameCa && route !== undefined && originsOf(route).has(origin)
    }
    this.#pools = keep(this.#pools, isNeeded, retire)
    this.#wires = keep(this.#wires, isNeeded, (wires) => wires.retire())
    this.#cas = cas
  }

  /** The same places by bare connections, for requests that need no general HTTP. */
  wires(member: string, origin: string): Wires {
    const key = `${member} ${origin}`
    const known = this.#wires.get(key)
    if (known !== undefined) return known
    const ca = this.#cas.get(member)
    const { connectTimeoutMs, timeoutMs } = this.#options
    const trust = ca === undefined ? undefined : this.#trustOf(ca)
    const wires = new Wires({ origin, trust, connectTimeoutMs, timeoutMs })
    this.#wires.set(key, wires)
    return wires
  }

  pool(member: string, origin: string): Pool {
    const key = `${member} ${origin}`
    const known = this.#pools.get(key)
    if (known !== undefined) return known
    const ca = this.#cas.get(member)
    const { connections, connectTimeoutMs, timeoutMs } = this.#options
    const pool = new Pool(origin, {
      connections,
      pipelining: 1,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      connect: {
        timeout: connectTimeoutMs,
        ...(ca === undefined ? {} : { secureContext: this.#trustOf(ca) }),
      },
    })
    this.#pools.set(key, pool)
    return pool
  }

  /**
   * Made once: reading all public certificates takes a tenth of a second, and at an outage a hundred
   * connections are made at once.
   */
  #trustOf(ca: string): SecureContext {
    const known = this.#trust.get(ca)
    if (known !== undefined) return known
    const made = createSecureContext({ ca: [...rootCertificates, ca] })
    this.#trust.set(ca, made)
    return made
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()]
    this.#pools.clear()
    for (const wires of this.#wires.values()) wires.destroy()
    this.#wires.clear()
    await Promise.all(pools.map((pool) => pool.destroy()))
  }
}

function keep<T>(
  all: ReadonlyMap<string, T>,
  isNeeded: (key: string) => boolean,
  drop: (one: T) => void,
): Map<string, T> {
  const kept = new Map<string, T>()
  for (const [key, one] of all) {
    if (isNeeded(key)) kept.set(key, one)
    else drop(one)
  }
  return kept
}

/** Requests under way on it still finish; whether the closing itself fails changes nothing. */
function retire(pool: Pool): void {
  pool.close().catch(() => pool.destroy())
}

function splitKey(key: string): [string, string] {
  const at = key.lastIndexOf(' ')
  return [key.slice(0, at), key.slice(at + 1)]
}

function originsOf(route: MemberRoute): Set<string> {
  const addresses = Object.values(route.endpoints).map(({ scoringUri }) => scoringUri)
  return new Set([route.apiOrigin, ...addresses].map((address) => new URL(address).origin))
}

async function caOf(route: MemberRoute, pointerFile: string): Promise<string | undefined> {
  if (route.caPath === undefined) return undefined
  return readFile(resolve(dirname(pointerFile), route.caPath), 'utf8')
}
