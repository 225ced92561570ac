import { randomBytes, timingSafeEqual } from 'node:crypto'
import { asRecord, asText, type Document } from '../arm/document.ts'
import type { ActionAnswer, ArmResource, Caller, PutRequest, RegionContext } from '../context.ts'

export interface EndpointKeys {
  readonly primaryKey: string
  readonly secondaryKey: string
}

export function newKey(): string {
  return randomBytes(32).toString('base64url')
}

/** Keys come from `properties.keys` of a PUT, which is write-only, else they are made once. */
export function keysFor({ body, existing }: PutRequest): { body: Document; secrets: EndpointKeys } {
  const { keys, ...properties } = asRecord(body.properties)
  const given = asRecord(keys)
  const before = asRecord(existing?.secrets)
  return {
    body: { ...body, properties },
    secrets: {
      primaryKey: asText(given.primaryKey) ?? asText(before.primaryKey) ?? newKey(),
      secondaryKey: asText(given.secondaryKey) ?? asText(before.secondaryKey) ?? newKey(),
    },
  }
}

export function keysOf(endpoint: ArmResource): EndpointKeys {
  return {
    primaryKey: asText(endpoint.secrets.primaryKey) ?? '',
    secondaryKey: asText(endpoint.secrets.secondaryKey) ?? '',
  }
}

export function hasKey(endpoint: ArmResource, given: string): boolean {
  const { primaryKey, secondaryKey } = keysOf(endpoint)
  // Both are compared whatever the first says, so that time tells nothing.
  const first = sameText(primaryKey, given)
  const second = sameText(secondaryKey, given)
  return first || second
}

function sameText(known: string, given: string): boolean {
  const a = Buffer.from(known)
  const b = Buffer.from(given)
  return a.length > 0 && a.length === b.length && timingSafeEqual(a, b)
}

/** `listKeys`, `regenerateKeys` and `token`, the same for online and batch endpoints. */
export function keyActions(
  region: RegionContext,
  type: string,
): Readonly<
  Record<
    string,
    (
      resource: ArmResource,
      body: unknown,
      request: { readonly actor: Caller },
    ) => Promise<ActionAnswer>
  >
> {
  return {
    listkeys: async (endpoint) => ({ status: 200, body: keysOf(endpoint) }),
    regeneratekeys: async (endpoint, body, { actor }) => {
      const { keyType, keyValue } = asRecord(body)
      const which = String(keyType).toLowerCase() === 'secondary' ? 'secondaryKey' : 'primaryKey'
      // The Python client sends the key there is, and its users expect another one.
      const given = asText(keyValue)
      const before = keysOf(endpoint)
      const next = given === undefined || given === before[which] ? newKey() : given
      const secrets = { ...before, [which]: next }
      region.resources.put(endpoint.id, type, { body: endpoint.body, secrets }, actor)
      return { status: 202 }
    },
    token: async (endpoint) => {
      const ttlSeconds = 3600
      const now = Math.floor(region.clock().getTime() / 1000)
      const accessToken = await region.authority.issueForIdentity(
        `endpoint:${endpoint.name}`,
        'https://ml.azure.com',
        ttlSeconds,
      )
      return {
        status: 200,
        body: {
          accessToken,
          tokenType: 'Bearer',
          expiryTimeUtc: now + ttlSeconds,
          refreshAfterTimeUtc: now + ttlSeconds / 2,
        },
      }
    },
  }
}
