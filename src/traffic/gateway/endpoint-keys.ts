import { createHash, timingSafeEqual } from 'node:crypto'
import type { GatewayPointer } from './pointer.ts'

/**
 * Callers keep the key they have: a key of any member is replaced by the same key (primary or
 * secondary) of the member that gets the request. Anything else passes through untouched.
 */
export function authorizationFor(
  pointer: GatewayPointer,
  endpoint: string,
  member: string,
  authorization: string | undefined,
): string | undefined {
  const [, given] = /^Bearer (\S+)$/i.exec(authorization ?? '') ?? []
  if (given === undefined) return authorization
  const wanted = pointer.members[member]?.endpoints[endpoint]?.keys ?? []
  const index = indexOfKey(pointer, endpoint, given)
  const key = index === undefined ? undefined : wanted[index]
  return key === undefined ? authorization : `Bearer ${key}`
}

/** Compares with every key there is, so that the time taken tells nothing about which one fits. */
function indexOfKey(pointer: GatewayPointer, endpoint: string, given: string): number | undefined {
  const digest = sha256(given)
  let found: number | undefined
  for (const { endpoints } of Object.values(pointer.members)) {
    for (const [index, key] of (endpoints[endpoint]?.keys ?? []).entries()) {
      if (timingSafeEqual(sha256(key), digest)) found = index
    }
  }
  return found
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()
