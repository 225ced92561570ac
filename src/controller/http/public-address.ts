import { HoldfastError } from '../../model/errors.ts'

export interface ListenAddress {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
}

/** How browsers and people reach this controller. */
export interface PublicAddress {
  /** Host names that it answers to, without port. */
  readonly hosts: readonly string[]
  /** Only over TLS, so that cookies may say so. */
  readonly isSecure: boolean
  /** Origin of links and redirects, once it listens at `url`. */
  origin(url: string): string
  /** Is this the origin of the console's own pages, for a call that came to this host? */
  isOwnOrigin(origin: string, host: string): boolean
}

const loopback = ['127.0.0.1', 'localhost', '[::1]']
const everywhere = new Set(['0.0.0.0', '::'])

/**
 * Throws `listen.unprotected` (operator): tokens and cookies would cross a network as plain text.
 */
export function publicAddress(listen: ListenAddress, publicUrl: string | undefined): PublicAddress {
  const url = publicUrl === undefined ? undefined : new URL(publicUrl)
  const bare = listen.host.includes(':') ? `[${listen.host}]` : listen.host.toLowerCase()
  const isSecure = url?.protocol === 'https:'
  if (!isSecure && !isLoopback(bare)) throw unprotected(listen)
  const own = everywhere.has(listen.host) ? [] : [bare]
  const named = url === undefined ? [] : [url.hostname]
  return {
    hosts: [...new Set([...named, ...own, ...loopback])],
    isSecure,
    origin: (listening) => url?.origin ?? listening,
    isOwnOrigin: (origin, host) =>
      origin === url?.origin || (!isSecure && origin === `http://${host}`),
  }
}

function isLoopback(host: string): boolean {
  return loopback.includes(host) || /^127\.\d+\.\d+\.\d+$/.test(host)
}

function unprotected({ host, port }: ListenAddress): HoldfastError {
  return new HoldfastError(
    'listen.unprotected',
    `On ${host}:${port} tokens and cookies would cross the network unencrypted.`,
    {
      kind: 'operator',
      place: `${host}:${port}`,
      hint: 'Put a proxy that speaks TLS before it and name its address: --public-url https://…',
    },
  )
}
