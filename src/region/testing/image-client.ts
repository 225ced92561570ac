import { createHash } from 'node:crypto'
import type { Answer, TestRegion } from './test-region.ts'

export const digestOf = (text: string): string =>
  `sha256:${createHash('sha256').update(text).digest('hex')}`

export const mediaTypes = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
} as const

export interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

/** Makes a container registry, and gives its ARM id. */
export async function makeRegistry(
  { call }: Pick<TestRegion, 'call'>,
  group: string,
  name: string,
  properties: object = {},
): Promise<string> {
  const id = `${group}/providers/Microsoft.ContainerRegistry/registries/${name}`
  const body = { location: 'eastus', sku: { name: 'Premium' }, properties }
  await call('PUT', `${id}?api-version=2023-07-01`, { body })
  return id
}

/** Asks a registry as a client would that signs in with a token of the directory. */
export function imageClient(region: TestRegion, registry: string) {
  const { port } = new URL(region.region.origin)
  const server = `${registry}.azurecr.localhost:${port}`
  const form = (path: string, fields: Record<string, string>) =>
    region.call('POST', path, {
      token: null,
      body: `${new URLSearchParams(fields)}`,
      headers: { host: server, 'content-type': 'application/x-www-form-urlencoded' },
    })

  async function signIn(scope: string): Promise<string> {
    const token = await region.token('https://containerregistry.azure.net')
    const exchanged = await form('/oauth2/exchange', {
      ...{ grant_type: 'access_token', service: server, access_token: token },
    })
    const { refresh_token } = exchanged.body as { refresh_token: string }
    const answer = await form('/oauth2/token', {
      ...{ grant_type: 'refresh_token', service: server, scope, refresh_token },
    })
    return (answer.body as { access_token: string }).access_token
  }

  /** As whoever may do everything in the repository, unless another token is given. */
  async function ask(
    method: string,
    repository: string,
    below: string,
    options: { body?: string; type?: string; token?: string | null; range?: string } = {},
  ): Promise<Answer> {
    const { body, type = 'application/octet-stream', range } = options
    const token =
      options.token === undefined
        ? await signIn(`repository:${repository}:pull,push,delete`)
        : options.token
    return region.call(method, `/v2/${repository}/${below}`, {
      token,
      headers: { host: server, 'content-type': type, ...(range !== undefined && { range }) },
      ...(body !== undefined && { body }),
    })
  }

  async function pushLayer(
    repository: string,
    content: string,
    mediaType: string = mediaTypes.layer,
  ): Promise<Descriptor> {
    const digest = digestOf(content)
    const begun = await ask('POST', repository, 'blobs/uploads/')
    const upload = String(begun.headers.location).slice(`/v2/${repository}/`.length)
    await ask('PATCH', repository, upload, { body: content })
    const done = await ask('PUT', repository, `${upload}?digest=${digest}`)
    if (done.status !== 201) throw new Error(`a layer was refused: ${JSON.stringify(done.body)}`)
    return { mediaType, digest, size: Buffer.byteLength(content) }
  }

  async function pushManifest(
    repository: string,
    document: object,
    tag?: string,
    mediaType: string = mediaTypes.manifest,
  ): Promise<Descriptor> {
    const body = JSON.stringify({ schemaVersion: 2, mediaType, ...document })
    const digest = digestOf(body)
    const put = await ask('PUT', repository, `manifests/${tag ?? digest}`, {
      ...{ body, type: mediaType },
    })
    if (put.status !== 201) throw new Error(`a manifest was refused: ${JSON.stringify(put.body)}`)
    return { mediaType, digest, size: Buffer.byteLength(body) }
  }

  /** An image of these layers. */
  async function pushImage(
    repository: string,
    layers: readonly string[],
    tag?: string,
  ): Promise<Descriptor> {
    const pushed: Descriptor[] = []
    for (const layer of layers) pushed.push(await pushLayer(repository, layer))
    const about = JSON.stringify({ architecture: 'amd64', os: 'linux', layers })
    const config = await pushLayer(repository, about, mediaTypes.config)
    return pushManifest(repository, { config, layers: pushed }, tag)
  }

  return { server, signIn, ask, pushLayer, pushManifest, pushImage }
}
