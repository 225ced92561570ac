import { timingSafeEqual } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Caller, localCaller } from '../../api/roles.ts'
import { HoldfastError } from '../../model/errors.ts'
import {
  type ConsoleSession,
  type ConsoleSessions,
  sessionLimitMs,
} from '../access/console-sessions.ts'
import { type RoleRule, rolesOf } from '../access/role-rules.ts'
import { digestOf } from '../access/secrets.ts'
import type { Cookie } from './cookies.ts'

/** Undefined: this is no token of mine. */
export type Bearer = (token: string) => Promise<Caller | undefined>

export interface Authentication {
  /** Asked in this order whom a bearer token belongs to. */
  readonly bearers: readonly Bearer[]
  readonly sessions: ConsoleSessions
  readonly cookie: Cookie
  readonly rules: readonly RoleRule[]
  /** Is this the origin of the console's own pages, for a call that came to this host? */
  readonly isOwnOrigin: (origin: string, host: string) => boolean
}

/**
 * `use`: somebody asks for something, and not only a stream whether it may go on. Throws
 * `request.unauthorized`, `request.token-over`, `request.wrong-origin`.
 */
export async function authenticate(
  request: FastifyRequest,
  { use }: { readonly use: boolean },
  parts: Authentication,
): Promise<Caller> {
  const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (token !== undefined) return callerOfToken(token, parts.bearers)
  const cookie = parts.cookie.read(request)
  const session = cookie === undefined ? undefined : await parts.sessions.find(cookie, use)
  if (session === undefined) throw unauthorized('The call carries no valid token.')
  checkOrigin(request, parts)
  return callerOfSession(session, parts.rules)
}

/** A new session for this browser; the one it had before ends. */
export async function signIn(
  request: FastifyRequest,
  reply: FastifyReply,
  session: ConsoleSession,
  { sessions, cookie }: Pick<Authentication, 'sessions' | 'cookie'>,
): Promise<void> {
  const before = cookie.read(request)
  if (before !== undefined) await sessions.end(before)
  cookie.set(reply, await sessions.begin(session), sessionLimitMs)
}

/** The token of the state directory, which never reaches a browser. */
export function localToken(token: string): Bearer {
  const wanted = Buffer.from(digestOf(token))
  return async (text) =>
    timingSafeEqual(Buffer.from(digestOf(text)), wanted) ? localCaller : undefined
}

async function callerOfToken(token: string, bearers: readonly Bearer[]): Promise<Caller> {
  for (const bearer of bearers) {
    const caller = await bearer(token)
    if (caller !== undefined) return caller
  }
  throw unauthorized('The call carries no valid token.')
}

function callerOfSession(session: ConsoleSession, rules: readonly RoleRule[]): Caller {
  if (session.by === 'link') return { ...localCaller, via: 'link' }
  const { id, name, claims } = session
  return { id, name, via: 'sign-in', roles: rolesOf(rules, claims) }
}

/** A browser sends the cookie by itself, so a change must prove that our own page asks for it. */
function checkOrigin(
  { method, headers }: FastifyRequest,
  { isOwnOrigin }: Pick<Authentication, 'isOwnOrigin'>,
): void {
  if (method === 'GET' || method === 'HEAD') return
  const isOwn =
    headers.origin === undefined
      ? headers['sec-fetch-site'] === 'same-origin'
      : isOwnOrigin(headers.origin, headers.host ?? '')
  if (isOwn) return
  throw new HoldfastError('request.wrong-origin', 'The call comes from another page.')
}

export function unauthorized(message: string): HoldfastError {
  return new HoldfastError('request.unauthorized', message, {
    kind: 'operator',
    hint: 'Use a token (HOLDFAST_TOKEN, or the one in controller.json of the state directory), sign in at the console, or open a new link: holdfast console',
  })
}
