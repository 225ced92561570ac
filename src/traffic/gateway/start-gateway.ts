import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { HoldfastError } from '../../model/errors.ts'
import { Counters } from './counters.ts'
import { openExpressLane } from './express/express-lane.ts'
import { answerError, type ForwardTools, forward } from './forward.ts'
import { gatewayMetrics } from './gateway-metrics.ts'
import type { GatewayStatus } from './gateway-status.ts'
import { createOutliers, createRetryBudget } from './outliers.ts'
import { watchPointer } from './pointer-watch.ts'
import { type AccessEntry, RequestLog } from './request-log.ts'
import { routeRequest } from './route.ts'
import { Upstreams } from './upstreams.ts'

export interface GatewayLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface GatewayOptions {
  readonly name: string
  /** `host:port`; port 0 takes a free one. Keep it on loopback unless TLS is given. */
  readonly listen: string
  /** Written by `gatewayEndpoint`; may be absent yet. */
  readonly pointerFile: string
  /** PEM; absent: plain HTTP. */
  readonly tls?: { readonly key: string; readonly cert: string }
  /** Time to the first byte of an answer, and between two pieces of it. Default 60 s. */
  readonly timeoutMs?: number
  /** Default 2 s. */
  readonly connectTimeoutMs?: number
  /** Between looks at the pointer file where it cannot be watched. Default 250 ms. */
  readonly pollMs?: number
  /** Requests under way at once; more get 503. Default 10,000. */
  readonly mostInFlight?: number
  /** Told of every request when it is over. */
  readonly access?: (entry: AccessEntry) => void
  readonly clock?: () => Date
  readonly log?: GatewayLog
}

export interface RunningGateway {
  /** `http://127.0.0.1:8443`, with the port that was taken. */
  readonly origin: string
  status(): GatewayStatus
  stop(): Promise<void>
}

interface OwnPage {
  readonly type: string
  readonly text: string
}

const heldBytes = 1024 * 1024
const callerIdleMs = 65_000

/**
 * One address in front of all members of a group. Follows the pointer file and needs nobody else:
 * while it runs it survives the controller, and a broken or missing file. Throws
 * `gateway.cannot-listen`.
 */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const { pointerFile, clock = () => new Date(), log = silent } = options
  const upstreams = new Upstreams({
    connections: 128,
    connectTimeoutMs: options.connectTimeoutMs ?? 2000,
    timeoutMs: options.timeoutMs ?? 60_000,
  })
  const outliers = createOutliers(() => clock().getTime())
  const counters = new Counters()
  let epoch: number | undefined
  let turns = 0
  const watch = await watchPointer({
    file: pointerFile,
    pollMs: options.pollMs ?? 250,
    adopt: (pointer) => upstreams.adopt(pointer, pointerFile),
    onChange(state, pointer) {
      if (pointer?.epoch !== epoch) outliers.reset()
      epoch = pointer?.epoch
      const fields = { gateway: options.name, ...state, active: pointer?.active, epoch }
      if (state.state === 'current') log.info(fields, 'gateway follows its pointer')
      else log.warn(fields, 'pointer file not followed, the last known answer is kept')
    },
  })
  const tools: ForwardTools = {
    upstreams,
    outliers,
    // A reserve for all that is under way when a region goes down, then one retry in five requests.
    budget: createRetryBudget({ reserve: 500, perRequest: 0.2 }),
    heldBytes,
    now: clock,
    turn: () => turns++,
    requests: new RequestLog({
      mostInFlight: options.mostInFlight ?? 10_000,
      observe: (to, seconds) => metrics.observe(to, seconds),
      access: options.access,
    }),
  }

  const status = (): GatewayStatus => {
    const pointer = watch.pointer()
    const members = Object.keys(pointer?.members ?? {}).map((member) => {
      const until = outliers.asideUntil(member)
      return [member, until === undefined ? {} : { asideUntil: new Date(until).toISOString() }]
    })
    return {
      name: options.name,
      ...(pointer && { active: pointer.active, epoch: pointer.epoch, group: pointer.group }),
      pointer: watch.state(),
      members: Object.fromEntries(members),
      endpoints: counters.all(),
    }
  }

  const metrics = gatewayMetrics(status)

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = request
    const page = ownPages[url.split('?', 1)[0] ?? '']
    if (page !== undefined) {
      await answerPage(request, response, page)
      return
    }
    const pointer = watch.pointer()
    if (pointer === undefined) {
      const message = 'The gateway has not been told yet where to lead.'
      answerError(response, { status: 503, code: 'gateway.no-pointer', message })
      return
    }
    const routing = routeRequest(pointer, method, url)
    if (!routing.ok) {
      answerError(response, { ...routing, epoch: pointer.epoch })
      return
    }
    const { request: routed } = routing
    const counter = counters.of(routed.counter)
    await forward({ request, response, pointer, routed, counter }, tools)
  }

  const ownPages: Readonly<Record<string, () => Promise<OwnPage>>> = {
    '/_gateway/status': async () => ({
      type: 'application/json',
      text: JSON.stringify(status()),
    }),
    '/_gateway/metrics': async () => ({ type: metrics.contentType, text: await metrics.text() }),
  }

  async function answerPage(
    request: IncomingMessage,
    response: ServerResponse,
    page: () => Promise<OwnPage>,
  ): Promise<void> {
    if (request.method !== 'GET') {
      const message = 'This can only be read.'
      answerError(response, { status: 405, code: 'gateway.method', message })
      return
    }
    // Whoever asks wants to know what the file says now, not what it said at the last look.
    await watch.look()
    const { type, text } = await page()
    response.writeHead(200, {
      'content-type': type,
      'content-length': Buffer.byteLength(text),
      'cache-control': 'no-store',
    })
    response.end(text)
  }

  const handler = (request: IncomingMessage, response: ServerResponse): void => {
    serve(request, response).catch((error: unknown) => {
      log.warn({ gateway: options.name, error: String(error) }, 'request failed in the gateway')
      const message = 'The gateway failed.'
      answerError(response, { status: 500, code: 'gateway.internal', message })
    })
  }
  const server =
    options.tls === undefined ? createServer(handler) : createTlsServer(options.tls, handler)
  server.requestTimeout = 0
  const lane = openExpressLane(
    server,
    options.tls === undefined ? 'connection' : 'secureConnection',
    { tools, counters, pointer: watch.pointer, idleMs: callerIdleMs },
  )
  const scheme = options.tls === undefined ? 'http' : 'https'

  const stop = async (): Promise<void> => {
    watch.close()
    await new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
      lane.close()
    })
    await upstreams.close()
  }
  try {
    const { host, port } = await listen(server, options.listen)
    return { origin: `${scheme}://${host}:${port}`, status, stop }
  } catch (error) {
    watch.close()
    await upstreams.close()
    throw error
  }
}

async function listen(server: Server, address: string): Promise<{ host: string; port: number }> {
  const [, host = '', text = ''] = /^(.+):(\d+)$/.exec(address) ?? []
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(Number(text), host.replace(/^\[|\]$/g, ''), () => {
        server.off('error', reject)
        resolve()
      })
    })
  } catch (cause) {
    throw new HoldfastError('gateway.cannot-listen', `The gateway cannot listen on ${address}.`, {
      kind: 'operator',
      place: address,
      hint: 'Choose another address in `endpoints[].listen`; port 0 takes a free one.',
      cause,
    })
  }
  return { host, port: (server.address() as AddressInfo).port }
}

const nothing = (): void => undefined
const silent: GatewayLog = { info: nothing, warn: nothing }
