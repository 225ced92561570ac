import { z } from 'zod'
import { pageOf } from './paging.ts'
import { roles } from './roles.ts'

/** Who calls, and the tokens of machines; part of the HTTP API's schemas. */

const role = z.enum(roles)

export const session = z.object({
  name: z.string(),
  via: z.enum(['local', 'link', 'service-token', 'sign-in', 'bearer']),
  roles: z.record(z.string(), role).describe("by failover group; '*' is every group"),
})

/** How a person can sign in here. Told to anybody: the page that asks is not signed in. */
export const signInWays = z.object({
  openIdConnect: z.boolean().describe('begin at /sign-in'),
})

export const signedOut = z.object({
  url: z.string().nullable().describe('where the identity provider signs out too'),
})

const dayMs = 86_400_000

export const createToken = z.object({
  name: z
    .string()
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/)
    .describe('as it is written into operations and decisions'),
  /** Machines do not approve, and do not say who may call. */
  role: z.enum(['viewer', 'operator']),
  expiresInMs: z
    .number()
    .int()
    .min(1000)
    .max(366 * dayMs),
})

export const serviceToken = z.object({
  name: z.string(),
  group: z.string(),
  role: createToken.shape.role,
  createdBy: z.string(),
  createdAt: z.string(),
  expiresAt: z.string(),
  revokedBy: z.string().nullable(),
  revokedAt: z.string().nullable(),
})

export const tokensPage = pageOf(serviceToken)
/** The only time that the token itself is told. */
export const createdToken = z.object({ token: z.string(), entry: serviceToken })

export type Session = z.infer<typeof session>
export type SignInWays = z.infer<typeof signInWays>
export type SignedOut = z.infer<typeof signedOut>
export type CreateToken = z.infer<typeof createToken>
export type ServiceToken = z.infer<typeof serviceToken>
export type TokensPage = z.infer<typeof tokensPage>
export type CreatedToken = z.infer<typeof createdToken>
