import type { GatewayPointer, MemberRoute } from './pointer.ts'

/** One place a request may go to. */
export interface Candidate {
  readonly member: string
  readonly origin: string
  /** For the `Host` header. */
  readonly host: string
  /** Path with query, as it is sent. */
  readonly target: string
}

export interface RoutedRequest {
  /** For counters: the endpoint's name, or `mlflow`, `history`, … */
  readonly counter: string
  /** Name of the scoring endpoint, when it is one. */
  readonly endpoint: string | undefined
  /** In the order of preference; the active member first. */
  readonly candidates: readonly Candidate[]
  /** The same request may be sent again after one that may have been received. */
  readonly repeatable: boolean
  /** All candidates take turns, instead of the first getting all while it answers. */
  readonly isShared: boolean
}

export type Routing =
  | { readonly ok: true; readonly request: RoutedRequest }
  | {
      readonly ok: false
      readonly status: number
      readonly code: string
      readonly message: string
    }

const safe = new Set(['GET', 'HEAD', 'OPTIONS'])
const idempotent = new Set([...safe, 'PUT', 'DELETE'])

/** Decides where a request goes. Pure: everything it needs is in the pointer. */
export function routeRequest(pointer: GatewayPointer, method: string, target: string): Routing {
  const [path = '/', query] = cut(target, '?')
  const search = query === undefined ? '' : `?${query}`
  const scoring = /^\/endpoints\/([^/]+)\/(.+)$/.exec(path)
  if (scoring !== null) {
    const [, endpoint = '', rest = ''] = scoring
    return routeScoring(pointer, method, decode(endpoint), rest, search)
  }
  const plane = /^(\/(mlflow|history|metric|artifact)\/v\d+\.\d+)\/(.+)$/i.exec(path)
  if (plane !== null) {
    const [, base = '', service = '', rest = ''] = plane
    return routeDataPlane(pointer, method, { base, service, rest, search })
  }
  return unknown('route.unknown', 'The gateway has no such path.')
}

// --- scoring -----------------------------------------------------------------------------------

/** Scoring keeps no state in a workspace, so a side that has the endpoint may answer for another. */
function routeScoring(
  pointer: GatewayPointer,
  method: string,
  endpoint: string,
  rest: string,
  search: string,
): Routing {
  if (hasDotSegment(rest)) return unknown('route.unknown', 'The path leaves its endpoint.')
  const candidates = membersInOrder(pointer).flatMap(([member, route]) => {
    const known = Object.hasOwn(route.endpoints, endpoint) ? route.endpoints[endpoint] : undefined
    return known === undefined ? [] : [candidate(member, beside(known.scoringUri, rest, search))]
  })
  if (candidates.length === 0) {
    return unknown('route.no-endpoint', 'No member of the group serves this endpoint.')
  }
  const isHotHot = pointer.repeatable.includes(endpoint)
  const repeatable = idempotent.has(method) || isHotHot
  const isShared = pointer.balanced && isHotHot
  return { ok: true, request: { counter: endpoint, endpoint, candidates, repeatable, isShared } }
}

/** `score` is the scoring URI itself, whatever it ends with; other names lie beside it. */
function beside(scoringUri: string, rest: string, search: string): URL {
  const url = new URL(scoringUri)
  if (rest !== 'score') url.pathname = url.pathname.replace(/[^/]*$/, rest)
  url.search = search === '' ? url.search : search
  return url
}

// --- data plane --------------------------------------------------------------------------------

/**
 * Workspace data follows the effective primary. The other side may answer reads when the primary
 * does not, but is never written to: that would be a second primary in one epoch (I1).
 */
function routeDataPlane(
  pointer: GatewayPointer,
  method: string,
  parts: {
    readonly base: string
    readonly service: string
    readonly rest: string
    readonly search: string
  },
): Routing {
  const { base, service, search } = parts
  const rest = withoutWorkspace(pointer, parts.rest)
  if (rest === undefined) {
    return unknown('route.no-workspace', 'The path names neither the group nor one of its members.')
  }
  if (hasDotSegment(rest)) return unknown('route.unknown', 'The path leaves its workspace.')
  const members = membersInOrder(pointer).slice(0, safe.has(method) ? undefined : 1)
  const candidates = members.map(([member, { apiOrigin, workspaceId }]) =>
    candidate(
      member,
      new URL(`${apiOrigin.replace(/\/+$/, '')}${base}${workspaceId}${rest}${search}`),
    ),
  )
  return {
    ok: true,
    request: {
      counter: service.toLowerCase(),
      endpoint: undefined,
      candidates,
      repeatable: idempotent.has(method),
      isShared: false,
    },
  }
}

/** What follows the workspace: `{group}/x` and `subscriptions/…/workspaces/{name}/x` give `/x`. */
function withoutWorkspace(pointer: GatewayPointer, rest: string): string | undefined {
  const names = [pointer.group, encodeURIComponent(pointer.group)]
  const ids = Object.values(pointer.members).map(({ workspaceId }) => workspaceId.slice(1))
  const lower = rest.toLowerCase()
  for (const name of [...names, ...ids]) {
    const start = name.toLowerCase()
    if (lower === start) return ''
    if (lower.startsWith(`${start}/`)) return rest.slice(name.length)
  }
  return undefined
}

// --- both --------------------------------------------------------------------------------------

function candidate(member: string, { origin, host, pathname, search }: URL): Candidate {
  return { member, origin, host, target: `${pathname}${search}` }
}

function membersInOrder(pointer: GatewayPointer): [string, MemberRoute][] {
  const isActive = ([member]: [string, MemberRoute]): boolean => member === pointer.active
  const members = Object.entries(pointer.members)
  return [...members.filter(isActive), ...members.filter((one) => !isActive(one))]
}

/** `URL` resolves `..`, also encoded; such a path could name another workspace or endpoint. */
function hasDotSegment(path: string): boolean {
  return path.split(/[/\\]|%2f|%5c/i).some((part) => /^(\.|%2e){1,2}$/i.test(part))
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function cut(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

function unknown(code: string, message: string): Routing {
  return { ok: false, status: 404, code, message }
}
