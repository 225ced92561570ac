import { lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { createSecureContext, rootCertificates } from 'node:tls'
import { Agent } from 'undici'

/** Reaches what is copied from; `ca` is trusted besides the public authorities. */
export function copyAgent(ca: string | undefined): Agent {
  // One context for all connections: reading all public certificates takes a tenth of a second.
  const secureContext =
    ca === undefined ? undefined : createSecureContext({ ca: [...rootCertificates, ca] })
  return new Agent({
    connect: { lookup, ...(secureContext && { secureContext }) },
    headersTimeout: 30_000,
    bodyTimeout: 60_000,
    keepAliveTimeout: 1000,
  })
}

/** Names below `localhost` are this machine (RFC 6761); not every system knows. */
const lookup: LookupFunction = (hostname, options, callback) => {
  const name = hostname.endsWith('.localhost') ? 'localhost' : hostname
  systemLookup(name, options, callback)
}
