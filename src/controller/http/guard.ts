import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { localCaller } from '../../api/roles.ts'
import { HoldfastError, isHoldfastError } from '../../model/errors.ts'
import { checkRole, type Groups, isPublic, refuseRoutesWithoutRule } from './access.ts'
import { type AuditOptions, noteSignIn } from './audit-requests.ts'
import { type Authentication, authenticate, signIn, unauthorized } from './authenticate.ts'
import { noteCall } from './caller.ts'
import type { OneTimeLinks } from './one-time-links.ts'
import type { PublicAddress } from './public-address.ts'
import type { RateLimits } from './rate-limits.ts'

export interface GuardOptions extends AuditOptions {
  readonly authentication: Authentication
  readonly links: OneTimeLinks
  readonly address: PublicAddress
  readonly access: Groups
  readonly limits: RateLimits
}

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
const onlyOverTls = { 'strict-transport-security': 'max-age=31536000' }

/** Hooks that run before every handler: who is called, who calls, from where, and may they. */
export function guard(app: FastifyInstance, options: GuardOptions): void {
  const { authentication, address, access, limits } = options
  refuseRoutesWithoutRule(app)
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(securityHeaders)
    if (address.isSecure) reply.headers(onlyOverTls)
    checkHost(request, address.hosts)
    if (request.url.startsWith('/?token=')) return exchange(request, reply, options)
    if (isPublic(request)) return
    const check = async (use: boolean) => {
      const caller = await authenticate(request, { use }, authentication)
      await checkRole(request, caller, access)
      return caller
    }
    const caller = await check(true).catch(async (error: unknown) => {
      if (isUnknown(error)) await limits.refused(request)
      throw error
    })
    const stillHolds = async () =>
      check(false).then(
        () => true,
        () => false,
      )
    noteCall(request, { caller, stillHolds })
    await limits.call(request)
  })
}

function isUnknown(error: unknown): boolean {
  return isHoldfastError(error) && /^request\.(unauthorized|token-over)$/.test(error.code)
}

/** A foreign page that resolves its own name to this address still sends its own name (DNS rebinding). */
function checkHost(request: FastifyRequest, hosts: readonly string[]): void {
  const name = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase()
  if (hosts.includes(name)) return
  throw new HoldfastError('request.wrong-host', 'This controller does not go by that host name.', {
    hint: `Call it as ${hosts[0]}.`,
  })
}

async function exchange(
  request: FastifyRequest,
  reply: FastifyReply,
  options: GuardOptions,
): Promise<FastifyReply> {
  const { limits, links, authentication } = options
  await limits.signIn(request)
  const code = new URL(request.url, 'http://localhost').searchParams.get('token') ?? ''
  if (!links.redeem(code)) {
    // A person who follows an old link needs a page, not a problem document.
    if (/text\/html/.test(request.headers.accept ?? ''))
      return reply.redirect('/?signInProblem=sign-in.link-over', 303)
    throw unauthorized('The link was used already or is too old.')
  }
  const { id, name } = localCaller
  const session = { by: 'link', id, name, claims: {} } as const
  await noteSignIn(session, options)
  await signIn(request, reply, session, authentication)
  // The code must not stay in the address bar, history or a screenshot.
  return reply.redirect('/', 303)
}
