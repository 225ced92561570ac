import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Status } from '../../api/contract.ts'
import { apiPrefix } from '../../api/prefix.ts'

/** What of an answer is state; the rest of it tells the time, or how long ago something was. */
export type StateOf = (answer: unknown) => unknown

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Default: all of it. */
    stateOf?: StateOf
  }
}

/** Whoever sends the tag of the answer it has (`If-None-Match`) is told 304 while nothing changed. */
export function tagAnswers(app: FastifyInstance): void {
  app.addHook('onSend', async ({ method, routeOptions, headers }, reply, payload) => {
    const isResource = method === 'GET' && routeOptions.url?.startsWith(apiPrefix)
    if (!isResource || reply.statusCode !== 200 || typeof payload !== 'string') return payload
    const { stateOf } = routeOptions.config
    const state = stateOf ? JSON.stringify(stateOf(JSON.parse(payload))) : payload
    const tag = `W/"${createHash('sha256').update(state).digest('base64url')}"`
    reply.header('etag', tag)
    if (!known(headers['if-none-match']).includes(tag)) return payload
    reply.code(304).removeHeader('content-type').removeHeader('content-length')
    return null
  })
}

/** Of an answer that says when it was read. */
export function besides(time: string): StateOf {
  return (answer) => ({ ...(answer as object), [time]: undefined })
}

/** The lag grows by itself; the replication point beside it says from when on. */
export const stateOfStatus: StateOf = (answer) => {
  const { groups, ...rest } = answer as Status
  const standing = groups.map(({ lagMs, ...group }) => ({ ...group, isLagKnown: lagMs !== null }))
  return { ...rest, now: undefined, groups: standing }
}

function known(header: string | undefined): readonly string[] {
  return (header ?? '').split(',').map((tag) => tag.trim())
}
