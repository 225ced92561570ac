import { HoldfastError } from '../model/errors.ts'
import type {
  CreatedToken,
  CreateToken,
  ServiceToken,
  Session,
  SignedOut,
  SignInWays,
  TokensPage,
} from './access-contract.ts'
import type { PageQuery } from './all-items.ts'
import type {
  ConflictResolution,
  ConflictsPage,
  KeptContent,
  KeptPage,
  OpenKept,
  ResolveConflict,
} from './conflict-contract.ts'
import type {
  DecisionsPage,
  Event,
  JobsPage,
  ObjectsPage,
  Operation,
  OperationsPage,
  OperationType,
  Problem,
  Readiness,
  ReplicationPlan,
  ResolvedRun,
  StartOperation,
  Status,
  VantageReport,
} from './contract.ts'
import type { ControlAction, ControlRequest } from './control-contract.ts'
import type {
  ObjectDetail,
  Outage,
  OutagesPage,
  RunComparison,
  RunsPage,
  Settings,
  StableEndpointsView,
} from './detail-contract.ts'
import type { DriftReport } from './drift-contract.ts'
import { readEventStream } from './event-stream.ts'
import type { AuditPage, AuditVerdict, EvidenceKey, HistoryPage } from './evidence-contract.ts'
import type { NotifyTestResult } from './notify-contract.ts'
import { apiPrefix } from './prefix.ts'
import type { Topology } from './topology-contract.ts'

export interface ClientOptions {
  /** Origin of the controller, e.g. `http://127.0.0.1:7420`; empty in its own console. */
  readonly url: string
  /** Absent in a browser, where the session cookie speaks. */
  readonly token?: string
  /** Sent with every call, besides what the client sends itself; asked for each time. */
  readonly headers?: () => Readonly<Record<string, string>>
  /** First wait before the event stream is opened again; doubles up to 5 s. Default 250 ms. */
  readonly reconnectMs?: number
}

export interface CallSignal {
  readonly signal?: AbortSignal
}

export interface RunsQuery extends PageQuery {
  readonly member?: string
}

export interface AuditQuery extends PageQuery {
  readonly first?: 'oldest' | 'newest'
  readonly since?: string
  readonly until?: string
  readonly actor?: string
  /** The whole action, or its beginning up to a dot. */
  readonly action?: string
}

export interface HistoryQuery extends PageQuery {
  readonly type?: OperationType
  readonly since?: string
}

export interface StartCall extends CallSignal {
  /** The same key starts the same operation once, however often it is sent. */
  readonly idempotencyKey?: string
}

export interface ObjectsQuery extends PageQuery {
  readonly kind?: string
  readonly state?: string
  /** Part of the name. */
  readonly name?: string
  /** Leaves out so many before the first: a place in a long list. */
  readonly skip?: number
  /** Also counts what the filter lets through, which takes longer than a page. */
  readonly total?: boolean
}

export interface KeptQuery extends PageQuery {
  readonly object?: string
}

export interface OperationsQuery extends PageQuery {
  readonly group?: string
}

/**
 * The controller's API. Lists are answered page by page; `allItems` follows their cursors. Every method throws what the controller threw (code, hint, place), or
 * `controller.unreachable` (transient), or `controller.no-answer` (unknown outcome) when the
 * connection broke after a change was asked for.
 */
export interface ApiClient {
  readonly url: string
  status(call?: CallSignal): Promise<Status>
  plan(group: string, call?: CallSignal & { readonly full?: boolean }): Promise<ReplicationPlan>
  objects(group: string, query?: ObjectsQuery, call?: CallSignal): Promise<ObjectsPage>
  conflicts(group: string, query?: PageQuery, call?: CallSignal): Promise<ConflictsPage>
  /** `conflict.not-found` when it is none. */
  resolveConflict(
    group: string,
    request: ResolveConflict,
    call?: CallSignal,
  ): Promise<ConflictResolution>
  drift(group: string, call?: CallSignal): Promise<DriftReport>
  keptContent(group: string, query?: KeptQuery, call?: CallSignal): Promise<KeptPage>
  /** With what is sealed in it; `kept.not-found` when there is none of this id. */
  openKept(group: string, request: OpenKept, call?: CallSignal): Promise<KeptContent>
  /** Takes seconds: it looks. */
  readiness(group: string, call?: CallSignal): Promise<Readiness>
  jobs(group: string, query?: PageQuery, call?: CallSignal): Promise<JobsPage>
  /** One object as it is at both sides now. */
  object(group: string, id: string, call?: CallSignal): Promise<ObjectDetail>
  runs(group: string, query?: RunsQuery, call?: CallSignal): Promise<RunsPage>
  compareRun(group: string, run: string, call?: CallSignal): Promise<RunComparison>
  endpoints(group: string, query?: PageQuery, call?: CallSignal): Promise<StableEndpointsView>
  settings(group: string, call?: CallSignal): Promise<Settings>
  topology(group: string, call?: CallSignal): Promise<Topology>
  /** Empty when no member is a local region. */
  outages(group: string, query?: PageQuery, call?: CallSignal): Promise<OutagesPage>
  setOutage(group: string, member: string, down: boolean, call?: CallSignal): Promise<Outage>
  /** `run.not-linked` when no copy of this run is known. */
  resolveRun(group: string, run: string, call?: CallSignal): Promise<ResolvedRun>
  start(
    group: string,
    type: OperationType,
    request?: Partial<StartOperation>,
    call?: StartCall,
  ): Promise<Operation>
  view(group: string, report: VantageReport, call?: CallSignal): Promise<void>
  pause(group: string, reason: string, call?: CallSignal): Promise<void>
  resume(group: string, call?: CallSignal): Promise<void>
  acknowledge(group: string, call?: CallSignal): Promise<void>
  decisions(group: string, query?: PageQuery, call?: CallSignal): Promise<DecisionsPage>
  operations(query?: OperationsQuery, call?: CallSignal): Promise<OperationsPage>
  operation(id: string, call?: CallSignal): Promise<Operation>
  cancel(id: string, call?: CallSignal): Promise<Operation>
  control(
    id: string,
    action: ControlAction,
    request: ControlRequest,
    call?: CallSignal,
  ): Promise<Operation>
  report(id: string, format: 'json' | 'html' | 'sig', call?: CallSignal): Promise<string>
  consoleLink(call?: CallSignal): Promise<string>
  /** Who this client is. */
  session(call?: CallSignal): Promise<Session>
  signInWays(call?: CallSignal): Promise<SignInWays>
  /** Of a browser. */
  signOut(call?: CallSignal): Promise<SignedOut>
  tokens(group: string, query?: PageQuery, call?: CallSignal): Promise<TokensPage>
  createToken(group: string, token: CreateToken, call?: CallSignal): Promise<CreatedToken>
  revokeToken(group: string, name: string, call?: CallSignal): Promise<ServiceToken>
  audit(query?: AuditQuery, call?: CallSignal): Promise<AuditPage>
  /** What the controller itself finds; whoever does not trust it runs `holdfast audit verify`. */
  auditVerdict(call?: CallSignal): Promise<AuditVerdict>
  evidenceKey(call?: CallSignal): Promise<EvidenceKey>
  testNotify(
    group: string,
    channel?: string,
    call?: CallSignal,
  ): Promise<readonly NotifyTestResult[]>
  history(group: string, query?: HistoryQuery, call?: CallSignal): Promise<HistoryPage>
  /**
   * Starts with the status, or with what was missed. Reconnects by itself until `signal` aborts,
   * then ends without an error. A refusal (a wrong token) is thrown.
   */
  events(signal: AbortSignal): AsyncGenerator<Event>
}

export function createClient(options: ClientOptions): ApiClient {
  const base = `${options.url.replace(/\/+$/, '')}${apiPrefix}/`
  const call = async (path: string, request: Request = {}): Promise<Response> => {
    const { method = 'GET', body, signal, headers } = request
    const response = await fetch(`${base}${path}`, {
      method,
      headers: {
        ...options.headers?.(),
        ...headers,
        ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    }).catch((cause: unknown) => {
      throw noResponse(options.url, method, cause, signal)
    })
    if (!response.ok) throw await refusalOf(response, options.url, method)
    return response
  }
  const text = async (path: string, request: Request = {}): Promise<string> => {
    const response = await call(path, request)
    return response.text().catch((cause: unknown) => {
      throw noResponse(options.url, request.method ?? 'GET', cause, request.signal)
    })
  }
  const json = async <T>(path: string, request?: Request): Promise<T> => {
    const answer = await text(path, request)
    try {
      return JSON.parse(answer) as T
    } catch (cause) {
      throw badAnswer(options.url, 'something that is not JSON', cause)
    }
  }
  const order = async (path: string, body: object | undefined, more?: CallSignal) => {
    await text(path, { method: 'POST', ...(body === undefined ? {} : { body }), ...more })
  }
  const inGroup = (group: string) => `groups/${encodeURIComponent(group)}`
  const ofOperation = (id: string) => `operations/${encodeURIComponent(id)}`

  async function* events(signal: AbortSignal): AsyncGenerator<Event> {
    const firstWaitMs = options.reconnectMs ?? 250
    let lastId: string | undefined
    let waitMs = firstWaitMs
    while (!signal.aborted) {
      try {
        const headers = lastId === undefined ? {} : { 'last-event-id': lastId }
        const { body } = await call('events', { signal, headers })
        if (body === null) return
        for await (const message of readEventStream(body)) {
          lastId = message.id ?? lastId
          waitMs = firstWaitMs
          yield JSON.parse(message.data) as Event
        }
      } catch (error) {
        if (signal.aborted) return
        // A broken connection is what reconnecting is for; a refusal stays one.
        if (error instanceof HoldfastError && error.kind !== 'transient') throw error
        if (error instanceof SyntaxError) throw error
      }
      await pause(waitMs, signal)
      waitMs = Math.min(waitMs * 2, 5000)
    }
  }

  return {
    url: options.url,
    status: (more) => json('status', more),
    plan: (group, { full = false, ...more } = {}) =>
      json(`${inGroup(group)}/plan?full=${full}`, more),
    objects: (group, query, more) => json(`${inGroup(group)}/objects${queryText(query)}`, more),
    resolveRun: (group, run, more) =>
      json(`${inGroup(group)}/runs/${encodeURIComponent(run)}`, more),
    conflicts: (group, query, more) => json(`${inGroup(group)}/conflicts${queryText(query)}`, more),
    resolveConflict: (group, request, more) =>
      json(`${inGroup(group)}/conflicts/resolve`, { method: 'POST', body: request, ...more }),
    drift: (group, more) => json(`${inGroup(group)}/drift`, more),
    keptContent: (group, query, more) =>
      json(`${inGroup(group)}/conflicts/kept${queryText(query)}`, more),
    openKept: (group, request, more) =>
      json(`${inGroup(group)}/conflicts/kept/open`, { method: 'POST', body: request, ...more }),
    object: (group, id, more) => json(`${inGroup(group)}/objects/${encodeURIComponent(id)}`, more),
    runs: (group, query, more) => json(`${inGroup(group)}/runs${queryText(query)}`, more),
    compareRun: (group, run, more) =>
      json(`${inGroup(group)}/runs/${encodeURIComponent(run)}/comparison`, more),
    endpoints: (group, query, more) => json(`${inGroup(group)}/endpoints${queryText(query)}`, more),
    topology: (group, more) => json(`${inGroup(group)}/topology`, more),
    settings: (group, more) => json(`${inGroup(group)}/settings`, more),
    outages: (group, query, more) => json(`${inGroup(group)}/outages${queryText(query)}`, more),
    setOutage: (group, member, down, more) =>
      json(`${inGroup(group)}/outages/${encodeURIComponent(member)}`, {
        method: 'POST',
        body: { down },
        ...more,
      }),
    readiness: (group, more) => json(`${inGroup(group)}/readiness`, more),
    jobs: (group, query, more) => json(`${inGroup(group)}/jobs${queryText(query)}`, more),
    start: (group, type, request, { idempotencyKey, ...more } = {}) =>
      json(`${inGroup(group)}/${type}`, {
        method: 'POST',
        body: request ?? {},
        ...(idempotencyKey === undefined ? {} : { headers: { 'idempotency-key': idempotencyKey } }),
        ...more,
      }),
    view: (group, report, more) => order(`${inGroup(group)}/views`, report, more),
    pause: (group, reason, more) => order(`${inGroup(group)}/pause`, { reason }, more),
    resume: (group, more) => order(`${inGroup(group)}/resume`, undefined, more),
    acknowledge: (group, more) => order(`${inGroup(group)}/acknowledge`, undefined, more),
    decisions: (group, query, more) => json(`${inGroup(group)}/decisions${queryText(query)}`, more),
    operations: (query, more) => json(`operations${queryText(query)}`, more),
    operation: (id, more) => json(ofOperation(id), more),
    control: (id, action, request, more) =>
      json(`${ofOperation(id)}/${action}`, { method: 'POST', body: request, ...more }),
    cancel: (id, more) => json(`${ofOperation(id)}/cancel`, { method: 'POST', ...more }),
    report: (id, format, more) =>
      text(`${ofOperation(id)}/report${format === 'json' ? '' : `.${format}`}`, more),
    session: (more) => json('session', more),
    signInWays: (more) => json('sign-in-ways', more),
    signOut: (more) => json('session/end', { method: 'POST', ...more }),
    tokens: (group, query, more) => json(`${inGroup(group)}/tokens${queryText(query)}`, more),
    createToken: (group, token, more) =>
      json(`${inGroup(group)}/tokens`, { method: 'POST', body: token, ...more }),
    revokeToken: (group, name, more) =>
      json(`${inGroup(group)}/tokens/${encodeURIComponent(name)}/revoke`, {
        method: 'POST',
        ...more,
      }),
    consoleLink: async (more) =>
      (await json<{ url: string }>('console-link', { method: 'POST', ...more })).url,
    audit: (query, more) => json(`audit${queryText(query)}`, more),
    history: (group, query, more) => json(`${inGroup(group)}/history${queryText(query)}`, more),
    testNotify: async (group, channel, more) =>
      (
        await json<{ items: NotifyTestResult[] }>(`${inGroup(group)}/notify/test`, {
          method: 'POST',
          body: channel === undefined ? {} : { channel },
          ...more,
        })
      ).items,
    auditVerdict: (more) => json('audit/verdict', more),
    evidenceKey: (more) => json('audit/key', more),
    events,
  }
}

interface Request extends CallSignal {
  readonly method?: 'GET' | 'POST'
  readonly body?: object
  readonly headers?: Readonly<Record<string, string>>
}

function queryText(query: PageQuery = {}): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) parameters.set(name, String(value))
  return parameters.size === 0 ? '' : `?${parameters}`
}

/** What a proxy says when there is nobody behind it. */
const fromProxies = new Set([502, 503, 504])

async function refusalOf(response: Response, url: string, method: string): Promise<HoldfastError> {
  const text = await response.text().catch(() => '')
  const problem = parseProblem(text)
  if (problem === undefined) {
    const { status } = response
    return fromProxies.has(status)
      ? noResponse(url, method, new Error(`a proxy answered ${status}`), undefined)
      : badAnswer(url, `${status} without saying why`)
  }
  const { code, title, detail, kind, hint, place } = problem
  return new HoldfastError(code, detail ?? title, {
    ...(kind === undefined ? {} : { kind }),
    ...(hint === undefined ? {} : { hint }),
    ...(place === undefined ? {} : { place }),
  })
}

function badAnswer(url: string, what: string, cause?: unknown): HoldfastError {
  return new HoldfastError('controller.bad-answer', `${url} answered ${what}.`, {
    kind: 'operator',
    place: url,
    hint: 'Check that the address is that of a Holdfast controller.',
    cause,
  })
}

function parseProblem(text: string): Problem | undefined {
  try {
    const value = JSON.parse(text) as Partial<Problem> | null
    return typeof value?.code === 'string'
      ? ({ title: value.code, ...value } as Problem)
      : undefined
  } catch {
    return undefined
  }
}

/** Failures before anything was sent. */
const notSent =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EPROTO|UND_ERR_CONNECT_TIMEOUT|(CERT|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO|ERR_TLS|ERR_SSL)_.*)$/

function noResponse(
  url: string,
  method: string,
  cause: unknown,
  signal: AbortSignal | undefined,
): HoldfastError {
  if (signal?.aborted) {
    return new HoldfastError('request.cancelled', 'The call was cancelled.', {
      kind: 'cancelled',
      cause,
    })
  }
  const code = codeOf(cause)
  // A change that was asked for may have been made although nobody said so (I8).
  if (method !== 'GET' && !notSent.test(code)) {
    return new HoldfastError(
      'controller.no-answer',
      `The connection to ${url} ended before the controller answered.`,
      { kind: 'unknown-outcome', hint: 'Look at `holdfast status` before repeating.', cause },
    )
  }
  return new HoldfastError('controller.unreachable', `No controller answers at ${url}.`, {
    kind: 'transient',
    place: url,
    hint: 'Start one with `holdfast controller`, or correct --server.',
    cause,
  })
}

function codeOf(error: unknown): string {
  const cause = (error as { cause?: { code?: unknown } }).cause
  return typeof cause?.code === 'string' ? cause.code : ''
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
    if (signal.aborted) done()
  })
}
