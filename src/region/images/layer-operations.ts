import type { FastifyReply } from 'fastify'
import type { ImageTables } from './image-tables.ts'
import type { LayerFiles } from './layer-files.ts'
import { registryError } from './registry-error.ts'
import {
  type AskedImage,
  digest,
  type ImageOperation,
  name,
  repositoryScope,
} from './registry-operation.ts'

const layerPath = new RegExp(`^(${name})/blobs/(${digest})$`)
const uploadsPath = new RegExp(`^(${name})/blobs/uploads/?$`)
const uploadPath = new RegExp(`^(${name})/blobs/uploads/([0-9a-f-]{36})$`)

/** Layers and configurations: read by digest, and brought in pieces. */
export function layerOperations({
  tables,
  layers,
}: {
  readonly tables: ImageTables
  readonly layers: LayerFiles
}): ImageOperation[] {
  const append = async ({ registry, repository, reference, request }: AskedImage) => {
    const start = /^(?:bytes[ =])?(\d+)-/.exec(request.headers['content-range'] ?? '')?.[1]
    const offset = start === undefined ? undefined : Number(start)
    return layers.append(registry, repository, reference, request.raw, offset)
  }
  const finish = async (asked: AskedImage, reply: FastifyReply) => {
    const { registry, repository, reference, query } = asked
    const wanted = digestIn(query.digest)
    const size = await layers.finish(registry, repository, reference, wanted)
    tables.addLayer(registry, repository, wanted, size)
    return created(reply, repository, wanted)
  }
  return [
    {
      methods: ['GET', 'HEAD'],
      path: layerPath,
      scope: repositoryScope('pull'),
      perform: async ({ registry, repository, reference, request }, reply) => {
        const isKnown = tables.layerSize(registry, repository, reference) !== undefined
        const size = isKnown ? layers.sizeBytes(registry, reference) : undefined
        if (size === undefined)
          throw registryError(404, 'BLOB_UNKNOWN', `blob ${reference} is not known`)
        const { start, end } = rangeOf(request.headers.range, size)
        const length = end - start + 1
        reply.headers({
          'content-type': 'application/octet-stream',
          'content-length': length,
          'docker-content-digest': reference,
          'accept-ranges': 'bytes',
        })
        if (request.headers.range !== undefined && size > 0)
          reply.code(206).header('content-range', `bytes ${start}-${end}/${size}`)
        if (request.method === 'HEAD' || length === 0) return reply.send()
        return reply.send(layers.read(registry, reference, { start, end }))
      },
    },
    {
      methods: ['POST'],
      path: uploadsPath,
      scope: repositoryScope('push'),
      perform: async (asked, reply) => {
        const { registry, repository, query } = asked
        if (mount(tables, asked)) return created(reply, repository, query.mount ?? '')
        const id = layers.begin(registry, repository)
        if (query.digest === undefined) return underWay(reply.code(202), repository, id, 0)
        const upload = { ...asked, reference: id }
        await append(upload)
        return finish(upload, reply)
      },
    },
    {
      methods: ['PATCH'],
      path: uploadPath,
      scope: repositoryScope('push'),
      perform: async (asked, reply) => {
        const size = await append(asked)
        return underWay(reply.code(202), asked.repository, asked.reference, size)
      },
    },
    {
      methods: ['PUT'],
      path: uploadPath,
      scope: repositoryScope('push'),
      perform: async (asked, reply) => {
        digestIn(asked.query.digest)
        await append(asked)
        return finish(asked, reply)
      },
    },
    {
      methods: ['GET'],
      path: uploadPath,
      scope: repositoryScope('push'),
      perform: async ({ registry, repository, reference }, reply) => {
        const size = layers.received(registry, repository, reference)
        return underWay(reply.code(204), repository, reference, size)
      },
    },
    {
      methods: ['DELETE'],
      path: uploadPath,
      scope: repositoryScope('push'),
      perform: async ({ registry, repository, reference }, reply) => {
        await layers.cancel(registry, repository, reference)
        return reply.code(204).send()
      },
    },
  ]
}

/** Whoever may push here and reads from there has the layer here without sending it. */
function mount(tables: ImageTables, { registry, repository, query }: AskedImage): boolean {
  if (query.mount === undefined || query.from === undefined) return false
  const size = tables.layerSize(registry, query.from, query.mount)
  if (size !== undefined) tables.addLayer(registry, repository, query.mount, size)
  return size !== undefined
}

function created(reply: FastifyReply, repository: string, digest: string): FastifyReply {
  return reply
    .code(201)
    .headers({ location: `/v2/${repository}/blobs/${digest}`, 'docker-content-digest': digest })
    .send()
}

function underWay(reply: FastifyReply, repository: string, id: string, size: number): FastifyReply {
  return reply
    .headers({
      location: `/v2/${repository}/blobs/uploads/${id}`,
      'docker-upload-uuid': id,
      range: `0-${Math.max(0, size - 1)}`,
    })
    .send()
}

function digestIn(text: string | undefined): string {
  if (text !== undefined && new RegExp(`^${digest}$`).test(text)) return text
  throw registryError(400, 'DIGEST_INVALID', 'A digest is sha256: and 64 hexadecimal digits.')
}

/** Both ends are included; what cannot be is refused. */
function rangeOf(header: string | undefined, size: number): { start: number; end: number } {
  const whole = { start: 0, end: size - 1 }
  if (header === undefined) return whole
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(header) ?? []
  const start = Number(first)
  if (first === undefined || start >= size)
    throw registryError(416, 'SIZE_INVALID', 'The range is not within the blob.')
  return { start, end: last ? Math.min(Number(last), size - 1) : size - 1 }
}
