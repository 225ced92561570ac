import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Caller, localCaller } from '../../api/roles.ts'
import { HoldfastError } from '../../model/errors.ts'
import { checkRole, type Groups, isPublic, refuseRoutesWithoutRule } from './access.ts'
import { noteCaller } from './caller.ts'
import { type Sessions, sessionTtlMs } from './session.ts'

/** Undefined: this is no token of mine. */
export type Bearer = (token: string) => Promise<Caller | undefined>

export interface GuardOptions {
  readonly sessions: Sessions
  /** Asked in this order whom a bearer token belongs to. */
  readonly bearers: readonly Bearer[]
  /** Host names by which this controller may be called, without port. */
  readonly hosts: readonly string[]
  readonly groups: Groups
  readonly clock: () => Date
}

const cookieName = 'holdfast-session'

const securityHeaders = {
  // Mantine puts its theme into a style element; scripts come from us alone.
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}

/** Hooks that run before every handler: who is called, who calls, from where, and may they. */
export function guard(app: FastifyInstance, options: GuardOptions): void {
  refuseRoutesWithoutRule(app)
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(securityHeaders)
    checkHost(request, options.hosts)
    if (request.url.startsWith('/?token=')) return exchange(request, reply, options)
    if (isPublic(request)) return
    const caller = await authenticate(request, options)
    noteCaller(request, caller)
    await checkRole(request, caller, options.groups)
  })
}

/** A foreign page that resolves its own name to this address still sends its own name (DNS rebinding). */
function checkHost(request: FastifyRequest, hosts: readonly string[]): void {
  const name = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase()
  if (hosts.includes(name)) return
  throw new HoldfastError('request.wrong-host', 'This controller does not go by that host name.', {
    hint: `Call it as ${hosts[0]}.`,
  })
}

function exchange(
  request: FastifyRequest,
  reply: FastifyReply,
  options: GuardOptions,
): FastifyReply {
  const code = new URL(request.url, 'http://localhost').searchParams.get('token') ?? ''
  const session = options.sessions.redeem(code, options.clock())
  if (session === undefined) throw unauthorized('The link was used already or is too old.')
  // The code must not stay in the address bar, history or a screenshot.
  return reply
    .header(
      'set-cookie',
      `${cookieName}=${session}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${sessionTtlMs / 1000}`,
    )
    .redirect('/', 303)
}

/** Throws `request.unauthorized`, `request.wrong-origin`. */
async function authenticate(
  request: FastifyRequest,
  { bearers, sessions, clock }: GuardOptions,
): Promise<Caller> {
  const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (token !== undefined) return callerOfToken(token, bearers)
  const cookie = cookieOf(request)
  if (cookie === undefined || !sessions.isSession(cookie, clock())) {
    throw unauthorized('The call carries no valid token.')
  }
  // A browser sends the cookie by itself, so a change must prove that our own page asks for it.
  const site = request.headers['sec-fetch-site']
  const sameOrigin =
    site === 'same-origin' || request.headers.origin === `http://${request.headers.host}`
  if (request.method !== 'GET' && !sameOrigin) {
    throw new HoldfastError('request.wrong-origin', 'The call comes from another page.')
  }
  return localCaller
}

async function callerOfToken(token: string, bearers: readonly Bearer[]): Promise<Caller> {
  for (const bearer of bearers) {
    const caller = await bearer(token)
    if (caller !== undefined) return caller
  }
  throw unauthorized('The call carries no valid token.')
}

function cookieOf(request: FastifyRequest): string | undefined {
  const all = (request.headers.cookie ?? '').split(/;\s*/)
  return all.find((each) => each.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1)
}

function unauthorized(message: string): HoldfastError {
  return new HoldfastError('request.unauthorized', message, {
    kind: 'operator',
    hint: 'Use the token in controller.json of the state directory, or open a new link: holdfast console',
  })
}
