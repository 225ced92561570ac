import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { session, signedOut, signInWays } from '../../api/access-contract.ts'
import { apiPrefix, problem } from '../../api/contract.ts'
import { HoldfastError, isHoldfastError } from '../../model/errors.ts'
import { pendingLimitMs } from '../access/pending-sign-ins.ts'
import type { SignIn } from '../access/sign-in.ts'
import { type AuditOptions, noteSignIn } from './audit-requests.ts'
import { type Authentication, signIn } from './authenticate.ts'
import { callerOf } from './caller.ts'
import type { Cookie } from './cookies.ts'
import type { RateLimits } from './rate-limits.ts'

export interface SignInRouteOptions extends AuditOptions {
  readonly authentication: Authentication
  /** Absent: nobody signs in with an identity provider here. */
  readonly signIn: SignIn | undefined
  /** Which sign-in a browser left for. */
  readonly cookie: Cookie
  readonly limits: RateLimits
  readonly origin: () => string
  readonly log: FastifyBaseLogger
}

const callbackPath = '/sign-in/callback'

export function registerSignIn(instance: FastifyInstance, options: SignInRouteOptions): void {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { authentication, limits } = options
  app.get(
    '/sign-in',
    { schema: { hide: true, querystring: z.object({ to: z.string().optional() }) } },
    async (request, reply) => {
      await limits.signIn(request)
      return leave(request.query.to ?? '/', reply, options)
    },
  )
  app.get(callbackPath, { schema: { hide: true } }, async (request, reply) => {
    await limits.signIn(request)
    return comeBack(request, reply, options)
  })
  app.get(
    `${apiPrefix}/sign-in-ways`,
    {
      schema: {
        summary: 'How a person can sign in here',
        response: { 200: signInWays, default: problem },
      },
    },
    async () => ({ openIdConnect: options.signIn !== undefined }),
  )
  app.get(
    `${apiPrefix}/session`,
    { schema: { summary: 'Who calls', response: { 200: session, default: problem } } },
    async (request) => {
      const { name, via, roles } = callerOf(request)
      return { name, via, roles }
    },
  )
  app.post(
    `${apiPrefix}/session/end`,
    {
      config: { audit: { action: 'sign-out' } },
      schema: {
        summary: 'Sign this browser out',
        response: { 200: signedOut, default: problem },
      },
    },
    async (request, reply) => {
      const cookie = authentication.cookie.read(request)
      if (cookie !== undefined) await authentication.sessions.end(cookie)
      authentication.cookie.clear(reply)
      return { url: await signOutUrl(request, options) }
    },
  )
}

async function leave(to: string, reply: FastifyReply, options: SignInRouteOptions) {
  const origin = options.origin()
  const begun = await signInOf(options).begin(ownPath(to, origin), `${origin}${callbackPath}`)
  options.cookie.set(reply, begun.cookie, pendingLimitMs)
  return reply.redirect(begun.url, 303)
}

/** Whatever goes wrong ends on the console's own page, which says so and can try again. */
async function comeBack(request: FastifyRequest, reply: FastifyReply, options: SignInRouteOptions) {
  const { authentication, log } = options
  const origin = options.origin()
  const cookie = options.cookie.read(request)
  options.cookie.clear(reply)
  try {
    const callback = new URL(`${origin}${callbackPath}`)
    callback.search = request.url.slice(request.url.indexOf('?'))
    const back = cookie === undefined ? undefined : await signInOf(options).finish(cookie, callback)
    if (back === undefined) {
      throw new HoldfastError('sign-in.over', 'This sign-in is over.', { kind: 'operator' })
    }
    await noteSignIn(back.session, options)
    await signIn(request, reply, back.session, authentication)
    return reply.redirect(`${origin}${back.to}`, 303)
  } catch (error) {
    if (!isHoldfastError(error)) throw error
    log.warn({ code: error.code, reason: reasonOf(error.cause) }, 'a sign-in was not completed')
    return reply.redirect(`${origin}/?signInProblem=${encodeURIComponent(error.code)}`, 303)
  }
}

/** A code of the library or the provider; never what was sent, which holds tokens. */
function reasonOf(cause: unknown): string {
  const { code, error } = (cause ?? {}) as { code?: unknown; error?: unknown }
  return [code, error].filter((each) => typeof each === 'string').join(' ') || 'none given'
}

function signInOf({ signIn }: SignInRouteOptions): SignIn {
  if (signIn !== undefined) return signIn
  throw new HoldfastError('sign-in.not-configured', 'No identity provider is configured here.', {
    kind: 'operator',
    hint: 'Run `holdfast console` on the controller, or start it with --oidc-issuer.',
  })
}

/** Null, too, when the provider is away: signing out here must not wait for it. */
async function signOutUrl(
  request: FastifyRequest,
  { signIn, origin }: SignInRouteOptions,
): Promise<string | null> {
  if (signIn === undefined || callerOf(request).via !== 'sign-in') return null
  return signIn.signOutUrl(`${origin()}/`).catch(() => null)
}

/** An address of ours, else `/`; whatever browsers make of backslashes, tabs and double slashes. */
export function ownPath(to: string, origin: string): string {
  if (!to.startsWith('/') || !URL.canParse(to, origin)) return '/'
  const url = new URL(to, origin)
  return url.origin === origin ? `${url.pathname}${url.search}` : '/'
}
