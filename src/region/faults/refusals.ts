import type { ServerResponse } from 'node:http'
import type { FaultService } from './fault.ts'

interface Refusal {
  readonly status: number
  readonly code: string
  readonly message: string
}

const serverBusy = { status: 503, code: 'ServerBusy', message: 'The server is busy.' }

const permissionMismatch = {
  status: 403,
  code: 'AuthorizationPermissionMismatch',
  message: 'This request is not authorized to perform this operation using this permission.',
}

/** What each service says in a trouble, in its own words; `other` for those not named. */
const refusals: Record<
  'throttle' | 'unavailable' | 'readOnly' | 'forbid',
  { readonly [S in FaultService]?: Refusal } & { readonly other: Refusal }
> = {
  throttle: {
    other: {
      status: 429,
      code: 'TooManyRequests',
      message: 'The request is being throttled as the limit has been reached.',
    },
  },
  unavailable: {
    other: {
      status: 503,
      code: 'ServiceUnavailable',
      message: 'The service is temporarily unavailable.',
    },
    blob: serverBusy,
    file: serverBusy,
  },
  forbid: {
    other: {
      status: 403,
      code: 'AuthorizationFailed',
      message: 'The client does not have authorization to perform this action over this scope.',
    },
    blob: permissionMismatch,
    file: permissionMismatch,
    vault: {
      status: 403,
      code: 'Forbidden',
      message: 'The caller is not authorized to perform this action on this vault.',
    },
  },
  readOnly: {
    other: {
      status: 409,
      code: 'ReadOnlyDisabledSubscription',
      message: 'The region is in read-only mode; write requests are refused.',
    },
    vault: {
      status: 403,
      code: 'Forbidden',
      message: 'The vault is in read-only mode; write requests are refused.',
    },
  },
}

export function refuse(
  response: ServerResponse,
  service: FaultService,
  kind: keyof typeof refusals,
  headers: Record<string, string> = {},
): void {
  const { status, code, message } = refusals[kind][service] ?? refusals[kind].other
  const isStorage = service === 'blob' || service === 'file'
  const type = isStorage ? 'application/xml' : 'application/json; charset=utf-8'
  const body = isStorage
    ? `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`
    : JSON.stringify({ error: { code, message } })
  const extra: Record<string, string> = isStorage ? { 'x-ms-error-code': code } : {}
  response.writeHead(status, { ...headers, ...extra, 'content-type': type, connection: 'close' })
  response.end(body)
}

/** POSTs that only read: actions that list, queries, searches. */
const readingPosts =
  /(\/list\w*|[:/](query|search|batch\/metadata|full|sample|details)|\/get[\w-]*|\/search[\w-]*|\/token|\/score)$/i

export function isWrite(method: string, url: string): boolean {
  if (method === 'PUT' || method === 'PATCH' || method === 'DELETE') return true
  return method === 'POST' && !readingPosts.test(url.split('?', 1)[0] ?? '')
}
