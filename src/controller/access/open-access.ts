import type { Database } from '../../store/database.ts'
import { localToken } from '../http/authenticate.ts'
import type { ServerOptions } from '../http/server.ts'
import { consoleSessionMigrations, consoleSessions } from './console-sessions.ts'
import { identityProvider, type ProviderOptions } from './identity-provider.ts'
import { pendingSignInMigrations, pendingSignIns } from './pending-sign-ins.ts'
import type { RoleRule } from './role-rules.ts'
import { type ServiceTokens, serviceTokenMigrations } from './service-tokens.ts'
import { signInWith } from './sign-in.ts'

export interface AccessOptions {
  /** Absent: nobody signs in with an identity provider. */
  readonly provider?: ProviderOptions
  readonly rules: readonly RoleRule[]
}

export const accessMigrations = [
  ...serviceTokenMigrations,
  ...consoleSessionMigrations,
  ...pendingSignInMigrations,
]

/** Everybody whom the controller knows, from what is configured and stored. */
export function openAccess(
  { provider, rules }: AccessOptions,
  parts: {
    readonly database: Database
    readonly clock: () => Date
    readonly tokens: ServiceTokens
    readonly localToken: string
  },
): Pick<ServerOptions, 'bearers' | 'sessions' | 'signIn'> {
  const { database, clock, tokens } = parts
  const sessions = consoleSessions(database, clock)
  const known = [localToken(parts.localToken), tokens.callerOf]
  if (provider === undefined) return { bearers: known, sessions }
  const pending = pendingSignIns(database, clock)
  const signIn = signInWith(identityProvider(provider), provider.issuer, rules, pending)
  return { bearers: [...known, signIn.callerOf], sessions, signIn: { with: signIn, rules } }
}
