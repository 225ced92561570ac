import { hash, timingSafeEqual } from 'node:crypto'
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

/**
 * The same, for one connection: its caller sends the same key again and again. What is remembered is
 * this caller's own, so the time taken tells nobody anything.
 */
export function rememberingKeys(): typeof authorizationFor {
  let last: { readonly question: readonly unknown[]; readonly answer: string | undefined } = {
    question: [],
    answer: undefined,
  }
  return (...question) => {
    if (question.every((part, index) => part === last.question[index])) return last.answer
    const answer = authorizationFor(...question)
    last = { question, answer }
    return answer
  }
}

/** Compares with every key there is, so that the time taken tells nothing about which one fits. */
function indexOfKey(pointer: GatewayPointer, endpoint: string, given: string): number | undefined {
  const digest = sha256(given)
  let found: number | undefined
  for (const key of digestsOf(pointer, endpoint)) {
    if (timingSafeEqual(key.digest, digest)) found = key.index
  }
  return found
}

interface KeyDigest {
  readonly digest: Buffer
  readonly index: number
}

/** Made once for each pointer: they are needed at every request. */
const known = new WeakMap<GatewayPointer, Map<string, readonly KeyDigest[]>>()

function digestsOf(pointer: GatewayPointer, endpoint: string): readonly KeyDigest[] {
  const byEndpoint = known.get(pointer) ?? new Map<string, readonly KeyDigest[]>()
  known.set(pointer, byEndpoint)
  const ready = byEndpoint.get(endpoint)
  if (ready !== undefined) return ready
  const keys = Object.values(pointer.members).flatMap(({ endpoints }) =>
    (endpoints[endpoint]?.keys ?? []).map((key, index) => ({ digest: sha256(key), index })),
  )
  byEndpoint.set(endpoint, keys)
  return keys
}

const sha256 = (text: string): Buffer => hash('sha256', text, 'buffer')
