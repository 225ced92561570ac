import type { FastifyReply, FastifyRequest } from 'fastify'

export interface Cookie {
  read(request: FastifyRequest): string | undefined
  set(reply: FastifyReply, value: string, maxAgeMs: number): void
  clear(reply: FastifyReply): void
}

/**
 * `Strict` goes with no request that another site brings about; `Lax` with one that leads here, as
 * the way back from an identity provider does. `__Host-` keeps other hosts of a domain from setting it.
 */
export function cookie(
  name: string,
  options: { readonly isSecure: boolean; readonly sameSite: 'Strict' | 'Lax' },
): Cookie {
  const full = options.isSecure ? `__Host-${name}` : name
  const flags = `Path=/; HttpOnly; SameSite=${options.sameSite}${options.isSecure ? '; Secure' : ''}`
  const set = (reply: FastifyReply, value: string, maxAgeMs: number) => {
    reply.header('set-cookie', `${full}=${value}; ${flags}; Max-Age=${maxAgeMs / 1000}`)
  }
  return {
    read: ({ headers }) =>
      (headers.cookie ?? '')
        .split(/;\s*/)
        .find((each) => each.startsWith(`${full}=`))
        ?.slice(full.length + 1),
    set,
    clear: (reply) => set(reply, '', 0),
  }
}
