import { digestOf, makeRegistry, mediaTypes } from '../../src/region/testing/image-client.ts'
import type { Call } from '../../src/region/testing/test-region.ts'
import { found, ok, stateOf, subscription, textOf, type WrittenKind } from './written-kinds.ts'

const name = 'durable'
const below = `/registry/${name}/v2/images`

/** Gives what a client sends to sign in to the registry that it makes unless it is there. */
export async function signInToRegistry(call: Call): Promise<string> {
  const group = subscription.replace(/\/providers$/, '')
  const id = await makeRegistry({ call }, group, name, { adminUserEnabled: true })
  const listed = (await ok(call('POST', `${id}/listCredentials?api-version=2023-07-01`))) as {
    readonly passwords: readonly { readonly value: string }[]
  }
  const password = listed.passwords[0]?.value ?? ''
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`
}

/** A tag leads to a manifest, that to a layer: all of state n, or nothing of it. */
export const images: WrittenKind = {
  name: 'image, tag moved',
  async write({ call, registryUser: authorization }, key, n) {
    const body = textOf(key, n)
    const digest = digestOf(body)
    const options = { token: null, headers: { authorization } }
    await ok(call('POST', `${below}/blobs/uploads/?digest=${digest}`, { ...options, body }))
    const config = { mediaType: mediaTypes.config, digest, size: Buffer.byteLength(body) }
    await ok(
      call('PUT', `${below}/manifests/${key}`, {
        token: null,
        headers: { authorization, 'content-type': mediaTypes.manifest },
        body: JSON.stringify({ schemaVersion: 2, config, layers: [] }),
      }),
    )
  },
  async read({ call, registryUser: authorization }, key) {
    const options = { token: null, headers: { authorization } }
    const manifest = (await found(call('GET', `${below}/manifests/${key}`, options))) as
      | { readonly config: { readonly digest: string } }
      | undefined
    if (manifest === undefined) return 0
    return stateOf(key, await ok(call('GET', `${below}/blobs/${manifest.config.digest}`, options)))
  },
}
