import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type Database from 'libsql'
import type { Handler } from '../http/listener.ts'
import { migrate } from '../store/database.ts'
import { type Fault, type FaultService, parseFault } from './fault.ts'

/**
 * Stands before both listeners and lets requests through, or not, as the active faults say. Faults
 * are kept in the database: a region that is killed and started again is still in the same trouble.
 */
export interface FaultGate {
  list(): Fault[]
  add(input: unknown): Fault
  /** False when there is no such fault. */
  lift(id: string): boolean
  liftAll(): void
  /** Whether this region is cut off from the origin of an address it wants to call. */
  isCutOff(url: string): boolean
  guard(listener: 'main' | 'storage', next: Handler): Handler
  /** Cuts what is held back, so that the region can stop. */
  close(): void
}

export function openFaultGate(options: {
  readonly db: Database.Database
  readonly clock: () => Date
  /** 0 inclusive to 1 exclusive. */
  readonly random?: () => number
}): FaultGate {
  const { db, clock, random = Math.random } = options
  migrate(db, [
    { name: 'faults-1', sql: 'CREATE TABLE faults (id TEXT PRIMARY KEY, fault TEXT NOT NULL)' },
  ])
  const rows = db.prepare('SELECT fault FROM faults ORDER BY rowid').all() as { fault: string }[]
  const faults = new Map<string, Fault>()
  for (const { fault } of rows) {
    const parsed = JSON.parse(fault) as Fault
    faults.set(parsed.id, parsed)
  }
  const insert = db.prepare('INSERT INTO faults VALUES (?, ?)')
  const remove = db.prepare('DELETE FROM faults WHERE id = ?')
  const underWay = new Map<ServerResponse, { url: string; service: FaultService }>()
  const changes = new EventEmitter().setMaxListeners(0)

  function list(): Fault[] {
    const now = clock().toISOString()
    for (const { id, endsAt } of faults.values())
      if (endsAt !== undefined && endsAt <= now) drop(id)
    return [...faults.values()]
  }

  function drop(id: string): boolean {
    remove.run(id)
    const existed = faults.delete(id)
    changes.emit('lifted', id)
    return existed
  }

  function add(input: unknown): Fault {
    const fault = parseFault(input, clock())
    insert.run(fault.id, JSON.stringify(fault))
    faults.set(fault.id, fault)
    if (fault.kind === 'down' && fault.share === 1)
      for (const [response, { url, service }] of underWay)
        if (hits(fault, url, service)) response.destroy()
    return fault
  }

  /** Resolves when the fault is over, or the client is gone. */
  function whenLifted(fault: Fault, response: ServerResponse): Promise<void> {
    return new Promise((resolve) => {
      const remaining = fault.endsAt && new Date(fault.endsAt).getTime() - clock().getTime()
      const timer = remaining ? setTimeout(() => list(), remaining + 1) : undefined
      const done = (id?: string) => {
        if (id !== undefined && id !== fault.id) return
        clearTimeout(timer)
        changes.off('lifted', done)
        resolve()
      }
      changes.on('lifted', done)
      response.once('close', () => done())
    })
  }

  async function pass(
    request: IncomingMessage,
    response: ServerResponse,
    url: string,
    service: FaultService,
  ): Promise<boolean> {
    for (const fault of list()) {
      if (!hits(fault, url, service) || random() >= fault.share) continue
      if (fault.kind === 'down') {
        request.socket.destroy()
        return false
      }
      if (fault.kind === 'slow') await delay(fault.latencyMs ?? 0, response)
      if (fault.kind === 'pause') await whenLifted(fault, response)
      if (fault.kind === 'throttle') {
        const wait = String(fault.retryAfterSeconds ?? 1)
        refuse(response, service, 429, 'TooManyRequests', throttled, { 'retry-after': wait })
        return false
      }
      if (fault.kind === 'readOnly' && isWrite(request.method ?? 'GET', url)) {
        refuse(response, service, 409, 'ReadOnlyDisabledSubscription', readOnly, {})
        return false
      }
      if (response.destroyed) return false
    }
    return true
  }

  return {
    list,
    add,
    lift: drop,
    liftAll: () => {
      for (const id of [...faults.keys()]) drop(id)
    },
    isCutOff(url) {
      const { origin } = new URL(url)
      return list().some((fault) => fault.kind === 'cutOff' && fault.origin === origin)
    },
    guard: (listener, next) => (request, response) => {
      const url = request.url ?? '/'
      const service = listener === 'storage' ? 'blob' : serviceOf(request)
      // Sign-in is global in Azure and outlives a region; the switches must stay within reach.
      if (service === undefined) {
        next(request, response)
        return
      }
      underWay.set(response, { url, service })
      response.once('close', () => underWay.delete(response))
      if (faults.size === 0) {
        next(request, response)
        return
      }
      // Nothing in `pass` throws but a bug, and then the connection is the only one to tell.
      pass(request, response, url, service).then(
        (isThrough) => isThrough && next(request, response),
        () => response.destroy(),
      )
    },
    close() {
      for (const response of underWay.keys()) if (!response.headersSent) response.destroy()
    },
  }
}

function hits(fault: Fault, url: string, service: FaultService): boolean {
  if (fault.scope === 'region') return true
  if ('service' in fault.scope) return fault.scope.service === service
  return new RegExp(fault.scope.path, 'i').test(url)
}

/** Which service of the main listener a request is for; undefined: none that a fault may hit. */
function serviceOf(request: IncomingMessage): FaultService | undefined {
  const url = (request.url ?? '/').replace(/^\/{2,}/, '/')
  if (/^\/_region(\/|\?|$)/i.test(url)) return undefined
  if (/^\/[0-9a-f-]{36}\/(v2\.0|oauth2|discovery)\//i.test(url)) return undefined
  if (/^\/vault\//i.test(url) || /^[^.]+\.vault\./i.test(request.headers.host ?? '')) return 'vault'
  if (/^\/(subscriptions|providers|metadata)(\/|\?|$)/i.test(url)) return 'arm'
  if (/^\/inference\//i.test(url)) return 'scoring'
  return 'data'
}

/** POSTs that only read: actions that list, queries, searches. */
const readingPosts =
  /(\/list\w*|[:/](query|search|batch\/metadata|full|sample|details)|\/get[\w-]*|\/search[\w-]*|\/token|\/score)$/i

function isWrite(method: string, url: string): boolean {
  if (method === 'PUT' || method === 'PATCH' || method === 'DELETE') return true
  return method === 'POST' && !readingPosts.test(url.split('?', 1)[0] ?? '')
}

const throttled = 'The request is being throttled as the limit has been reached.'
const readOnly = 'The region is in read-only mode; write requests are refused.'

function refuse(
  response: ServerResponse,
  service: FaultService,
  status: number,
  code: string,
  message: string,
  headers: Record<string, string>,
): void {
  const isBlob = service === 'blob'
  const type = isBlob ? 'application/xml' : 'application/json; charset=utf-8'
  const body = isBlob
    ? `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`
    : JSON.stringify({ error: { code, message } })
  const extra: Record<string, string> = isBlob ? { 'x-ms-error-code': code } : {}
  response.writeHead(status, { ...headers, ...extra, 'content-type': type, connection: 'close' })
  response.end(body)
}

function delay(ms: number, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    response.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
