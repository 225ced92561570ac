import type { Problem } from '../../api/contract.ts'
import { type ErrorKind, HoldfastError, isHoldfastError } from '../../model/errors.ts'

const statusByCode: Readonly<Record<string, number>> = {
  'request.invalid': 400,
  'request.unauthorized': 401,
  'request.forbidden': 403,
  'request.token-over': 401,
  'request.too-many': 429,
  'sign-in.not-configured': 404,
  'token.not-found': 404,
  'request.wrong-host': 421,
  'request.wrong-origin': 403,
  'request.not-found': 404,
  'request.wrong-method': 405,
  'member.not-found': 404,
  'group.not-found': 404,
  'operation.not-found': 404,
  'report.not-found': 404,
  'report.not-signed': 404,
  'plan.invalid': 422,
  'object-id.malformed': 400,
  'cursor.malformed': 422,
  'request.key-reused': 422,
  'outage.not-local': 404,
}

const statusByKind: Readonly<Record<ErrorKind, number>> = {
  transient: 503,
  operator: 409,
  cancelled: 409,
  'unknown-outcome': 504,
  permanent: 500,
}

/** RFC 9457 document of any error. What is not ours is named, but its text stays inside. */
export function problemOf(error: unknown): Problem {
  const known = asHoldfastError(error)
  return {
    type: `urn:holdfast:problem:${known.code}`,
    title: known.message,
    status: statusOf(known),
    code: known.code,
    kind: known.kind,
    ...(known.hint === undefined ? {} : { hint: known.hint }),
    ...(known.place === undefined ? {} : { place: known.place }),
  }
}

/** What Node could not even parse, as the bytes of an answer: no handler ever sees such a request. */
export function rawRefusal(code: string | undefined): string {
  const [status, words, title] = unparsed[code ?? ''] ?? [400, 'Bad Request', 'This is no HTTP.']
  const document = {
    ...{ type: 'urn:holdfast:problem:request.invalid', title, status },
    ...{ code: 'request.invalid', kind: 'permanent' },
  } satisfies Problem
  const body = JSON.stringify(document)
  return [
    `HTTP/1.1 ${status} ${words}`,
    'content-type: application/problem+json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    '',
    body,
  ].join('\r\n')
}

const unparsed: Readonly<Record<string, readonly [number, string, string]>> = {
  HPE_HEADER_OVERFLOW: [
    ...([431, 'Request Header Fields Too Large'] as const),
    'Address and headers are too long.',
  ],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout', 'The request did not arrive in time.'],
}

function statusOf(error: HoldfastError): number {
  const conflict = /^(operation\.busy|epoch\.(stale|changed))$/.test(error.code)
  return statusByCode[error.code] ?? (conflict ? 409 : statusByKind[error.kind])
}

function asHoldfastError(error: unknown): HoldfastError {
  if (isHoldfastError(error)) return error
  const { statusCode, message } = error as { statusCode?: unknown; message?: unknown }
  // Fastify's own refusals: a body that is not JSON, too large, failing its schema.
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return new HoldfastError('request.invalid', `The request is not valid: ${String(message)}.`, {
      hint: 'Compare it with /openapi.json.',
    })
  }
  return new HoldfastError('internal.unexpected', 'The controller met an unexpected error.', {
    hint: "Look at the controller's log.",
    cause: error,
  })
}
