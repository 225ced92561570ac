import type { Caller } from '../../api/roles.ts'
import type { ConsoleSession } from './console-sessions.ts'
import { type IdentityProvider, newPendingSignIn } from './identity-provider.ts'
import type { PendingSignIns } from './pending-sign-ins.ts'
import { claimsFor, type RoleRule, rolesOf } from './role-rules.ts'

/** Sign-in with an identity provider, whose word is turned into callers. */
export interface SignIn {
  /** Where to send the browser, and the cookie it comes back with. */
  begin(to: string, redirectUri: string): Promise<{ readonly url: string; readonly cookie: string }>
  /** Undefined: nobody left with this cookie, or came back already. Throws `sign-in.refused`. */
  finish(
    cookie: string,
    callback: URL,
  ): Promise<{ readonly session: ConsoleSession; readonly to: string } | undefined>
  signOutUrl(returnTo: string): Promise<string | null>
  /** Of a bearer token; undefined: it is no signed token. Throws `request.unauthorized`. */
  callerOf(token: string): Promise<Caller | undefined>
}

export function signInWith(
  provider: IdentityProvider,
  issuer: string,
  rules: readonly RoleRule[],
  pending: PendingSignIns,
): SignIn {
  const idOf = ({ sub }: Token) => `${issuer}#${String(sub)}`
  return {
    begin: async (to, redirectUri) => {
      const begun = newPendingSignIn()
      const url = await provider.begin(redirectUri, begun)
      return { url, cookie: await pending.put({ ...begun, to }) }
    },
    finish: async (cookie, callback) => {
      const begun = await pending.take(cookie)
      if (begun === undefined) return undefined
      const token = await provider.finish(callback, begun)
      const claims = claimsFor(rules, token)
      const session: ConsoleSession = {
        ...{ by: 'sign-in', id: idOf(token), name: nameOf(token), claims },
      }
      return { session, to: begun.to }
    },
    signOutUrl: (returnTo) => provider.signOutUrl(returnTo),
    callerOf: async (text) => {
      if (!looksSigned.test(text)) return undefined
      const token = await provider.claimsOf(text)
      const roles = rolesOf(rules, claimsFor(rules, token))
      return { id: idOf(token), name: nameOf(token), via: 'bearer', roles }
    },
  }
}

type Token = Readonly<Record<string, unknown>>

const looksSigned = /^[\w-]+\.[\w-]+\.[\w-]*$/

/** For people, who may have chosen it: whom the rules mean is never decided by it. */
function nameOf(token: Token): string {
  const name = [token.preferred_username, token.email, token.name, token.sub].find(
    (each) => typeof each === 'string' && each !== '',
  )
  return String(name).replace(/\p{C}/gu, '').slice(0, 200)
}
