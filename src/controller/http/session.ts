import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { localCaller } from '../../api/roles.ts'
import type { Bearer } from './guard.ts'

/** Browsers that came by a one-time link. */
export interface Sessions {
  /** A code for `/?token=`, good once and for ten minutes. */
  issueCode(now: Date): string
  /** The cookie value for a code; undefined when the code is unknown, used or too old. */
  redeem(code: string, now: Date): string | undefined
  isSession(cookie: string, now: Date): boolean
}

const codeTtlMs = 10 * 60_000
export const sessionTtlMs = 12 * 3_600_000

/** The token of the state directory, which never reaches a browser. */
export function localToken(token: string): Bearer {
  return async (text) => (same(text, token) ? localCaller : undefined)
}

/** `key` signs cookies; kept over restarts, it lets an open console page go on after one. */
export function createSessions(options: { readonly key: Buffer }): Sessions {
  const codes = new Map<string, number>()
  const sign = (expiresAt: string) =>
    createHmac('sha256', options.key).update(`session ${expiresAt}`).digest('base64url')
  return {
    issueCode: (now) => {
      const code = randomBytes(24).toString('base64url')
      codes.set(code, now.getTime() + codeTtlMs)
      return code
    },
    redeem: (code, now) => {
      const expiresAt = codes.get(code)
      codes.delete(code)
      if (expiresAt === undefined || expiresAt < now.getTime()) return undefined
      const until = String(now.getTime() + sessionTtlMs)
      return `${until}.${sign(until)}`
    },
    isSession: (cookie, now) => {
      const [until = '', signature = ''] = cookie.split('.')
      return Number(until) > now.getTime() && same(signature, sign(until))
    },
  }
}

/** In constant time: how long a comparison takes must not tell how much was right. */
function same(given: string, wanted: string): boolean {
  const a = createHmac('sha256', 'compare').update(given).digest()
  const b = createHmac('sha256', 'compare').update(wanted).digest()
  return timingSafeEqual(a, b)
}
