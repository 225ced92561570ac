import type { FastifyInstance } from 'fastify'
import { AzureError } from '../context.ts'
import { refuseDeep } from '../http/json-depth.ts'

/** Steps and times beyond 2^53 would be rounded by JSON.parse: they become strings first. */
const wideInteger = /"(step|timestamp|start_time|end_time)"(\s*:\s*)(-?\d{16,})(?=\s*[,}\]])/g

/** Bodies of a scope are JSON whatever their content type says; an empty one is no body. */
export function parseJsonBodies(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', { parseAs: 'string' }, (_request, text, done) => {
    try {
      done(null, text.length === 0 ? undefined : bodyOf(String(text)))
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : 'it is not JSON'
      done(
        new AzureError(
          400,
          'InvalidRequestContent',
          `The request content was invalid and could not be deserialized: '${reason}'.`,
        ),
      )
    }
  })
}

function bodyOf(text: string): unknown {
  refuseDeep(text)
  return parseJson(text)
}

/** Bodies of a scope stay unread in `request.raw`, for routes that stream them or need none. */
export function leaveBodies(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
}

export const parseJson = (text: string): unknown =>
  JSON.parse(text.replace(wideInteger, '"$1"$2"$3"'))
