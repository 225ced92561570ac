import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { apiPrefix } from '../../api/prefix.ts'

/** Whoever sends the tag of the answer it has (`If-None-Match`) is told 304 while nothing changed. */
export function tagAnswers(app: FastifyInstance): void {
  app.addHook('onSend', async ({ method, routeOptions, headers }, reply, payload) => {
    const isResource = method === 'GET' && routeOptions.url?.startsWith(apiPrefix)
    if (!isResource || reply.statusCode !== 200 || typeof payload !== 'string') return payload
    const tag = `W/"${createHash('sha256').update(payload).digest('base64url')}"`
    reply.header('etag', tag)
    if (!known(headers['if-none-match']).includes(tag)) return payload
    reply.code(304).removeHeader('content-type').removeHeader('content-length')
    return null
  })
}

function known(header: string | undefined): readonly string[] {
  return (header ?? '').split(',').map((tag) => tag.trim())
}
