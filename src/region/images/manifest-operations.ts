import { createHash } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import { asRecord, asText, isRecord } from '../arm/document.ts'
import type { ImageTables, NamePage, StoredManifest } from './image-tables.ts'
import { registryError } from './registry-error.ts'
import {
  type AskedImage,
  digest,
  type ImageOperation,
  name,
  repositoryScope,
} from './registry-operation.ts'

/** Azure's limit for a manifest. */
const mostManifestBytes = 4 * 1024 * 1024
const largestPage = 1000

const reference = `([A-Za-z0-9_][A-Za-z0-9._-]{0,127}|${digest})`
const manifestPath = new RegExp(`^(${name})/manifests/${reference}$`)

export function manifestOperations({ tables }: { readonly tables: ImageTables }): ImageOperation[] {
  const find = ({ registry, repository, reference }: AskedImage): StoredManifest => {
    const found = tables.manifest(registry, repository, reference)
    if (found) return found
    throw registryError(404, 'MANIFEST_UNKNOWN', `manifest ${reference} is not known`)
  }
  return [
    {
      methods: ['GET', 'HEAD'],
      path: /^_catalog$/,
      scope: () => ({ type: 'registry', name: 'catalog', actions: ['*'] }),
      perform: async ({ registry, query }, reply) => {
        const page = pageOf(query)
        const repositories = tables.repositories(registry, page)
        linkToNext(reply, '/v2/_catalog', page, repositories)
        return { repositories }
      },
    },
    {
      methods: ['GET', 'HEAD'],
      path: new RegExp(`^(${name})/tags/list$`),
      scope: repositoryScope('metadata_read', 'pull'),
      perform: async ({ registry, repository, query }, reply) => {
        if (!tables.isRepository(registry, repository))
          throw registryError(404, 'NAME_UNKNOWN', `repository ${repository} is not known`)
        const page = pageOf(query)
        const tags = tables.tags(registry, repository, page)
        linkToNext(reply, `/v2/${repository}/tags/list`, page, tags)
        return { name: repository, tags }
      },
    },
    {
      methods: ['GET', 'HEAD'],
      path: manifestPath,
      scope: repositoryScope('pull'),
      perform: async (asked, reply) => {
        const found = find(asked)
        reply.headers({
          'content-type': found.mediaType,
          'content-length': found.content.byteLength,
          'docker-content-digest': found.digest,
          etag: `"${found.digest}"`,
        })
        return reply.send(asked.request.method === 'HEAD' ? undefined : found.content)
      },
    },
    {
      methods: ['PUT'],
      path: manifestPath,
      scope: repositoryScope('push'),
      perform: async (asked, reply) => {
        const { registry, repository, reference, request } = asked
        const content = await readAll(request.raw)
        const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`
        const isTag = !reference.includes(':')
        if (!isTag && reference !== digest)
          throw registryError(400, 'DIGEST_INVALID', `The manifest's digest is ${digest}.`)
        const document = manifestIn(content)
        const mediaType = request.headers['content-type'] ?? asText(document.mediaType) ?? ''
        requireParts(tables, asked, document)
        const tag = isTag ? reference : undefined
        tables.putManifest(registry, repository, { digest, mediaType, content }, tag)
        return reply
          .code(201)
          .headers({
            location: `/v2/${repository}/manifests/${digest}`,
            'docker-content-digest': digest,
          })
          .send()
      },
    },
    {
      methods: ['DELETE'],
      path: new RegExp(`^(${name})/manifests/(${digest})$`),
      scope: repositoryScope('delete'),
      perform: async (asked, reply) => {
        const { registry, repository } = asked
        tables.deleteManifest(registry, repository, find(asked).digest)
        return reply.code(202).send()
      },
    },
  ]
}

/** Nobody can pull an image of which a part is missing. */
function requireParts(
  tables: ImageTables,
  { registry, repository }: AskedImage,
  { config, layers, manifests }: Readonly<Record<string, unknown>>,
): void {
  const list = (value: unknown) => (Array.isArray(value) ? value.map(asRecord) : [])
  const layersNamed = [...(isRecord(config) ? [config] : []), ...list(layers)]
  const missing = [
    ...layersNamed
      // Layers that have addresses of their own lie elsewhere.
      .filter(({ digest, urls }) => !urls && layerIsMissing(String(digest)))
      .map(({ digest }) => digest),
    ...list(manifests)
      .map(({ digest }) => String(digest))
      .filter((one) => tables.manifest(registry, repository, one) === undefined),
  ]
  if (missing.length > 0)
    throw registryError(
      404,
      'MANIFEST_BLOB_UNKNOWN',
      `not in the repository: ${missing.join(', ')}`,
    )

  function layerIsMissing(digest: string): boolean {
    return tables.layerSize(registry, repository, digest) === undefined
  }
}

function manifestIn(content: Buffer): Readonly<Record<string, unknown>> {
  try {
    const document: unknown = JSON.parse(content.toString('utf8'))
    if (isRecord(document)) return document
  } catch {
    // Said below: whatever it is, it is no manifest.
  }
  throw registryError(400, 'MANIFEST_INVALID', 'A manifest is a JSON document.')
}

async function readAll(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of content) {
    size += piece.byteLength
    if (size > mostManifestBytes)
      throw registryError(413, 'MANIFEST_INVALID', 'A manifest has 4 MiB at most.')
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

function pageOf({ n, last = '' }: Readonly<Record<string, string>>): NamePage {
  if (n !== undefined && !/^[1-9]\d{0,8}$/.test(n))
    throw registryError(400, 'PAGINATION_NUMBER_INVALID', 'n is a whole number above 0.')
  return { after: last, limit: Math.min(Number(n ?? 100), largestPage) }
}

function linkToNext(
  reply: FastifyReply,
  path: string,
  { limit }: NamePage,
  names: readonly string[],
): void {
  const last = names.at(-1)
  if (names.length < limit || last === undefined) return
  const query = new URLSearchParams({ last, n: String(limit) })
  reply.header('link', `<${path}?${query}>; rel="next"`)
}
