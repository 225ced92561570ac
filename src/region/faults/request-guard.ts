import type { IncomingMessage, ServerResponse } from 'node:http'
import { isFileHost } from '../files/file-server.ts'
import type { Handler } from '../http/listener.ts'
import { type Fault, type FaultService, hits } from './fault.ts'
import { isWrite, refuse } from './refusals.ts'
import { truncate } from './truncate.ts'

/** The faults as a request meets them. */
export interface RequestFaults {
  /** Those that hit it, chance included, the oldest first. */
  hitting(url: string, service: FaultService): Fault[]
  /** Resolves when the fault is over, or the client is gone. */
  whenLifted(fault: Fault, response: ServerResponse): Promise<void>
}

export interface RequestGuard {
  of(listener: 'main' | 'storage', next: Handler): Handler
  /** Some faults hit requests that are under way. */
  begun(fault: Fault): void
  /** Cuts what is held back. */
  close(): void
}

interface UnderWay {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: string
  readonly service: FaultService
}

export function requestGuard(faults: RequestFaults): RequestGuard {
  const underWay = new Set<UnderWay>()

  async function pass(one: UnderWay, hitting: readonly Fault[]): Promise<boolean> {
    for (const fault of hitting) {
      if (!(await passOne(fault, one)) || one.response.destroyed) return false
    }
    return true
  }

  /** Whether the request goes on after this fault. */
  async function passOne(fault: Fault, one: UnderWay): Promise<boolean> {
    const { request, response, service, url } = one
    switch (fault.kind) {
      case 'down':
        request.socket.destroy()
        return false
      case 'halfOpen':
        // Not even the body is taken: it stays in the sender's buffers, as with a peer that is gone.
        request.pause()
        return false
      case 'truncate':
        truncate(response)
        return true
      case 'slow':
        await delay(fault.latencyMs ?? 0, response)
        return true
      case 'pause':
        await faults.whenLifted(fault, response)
        return true
      case 'throttle':
      case 'unavailable':
        refuse(response, service, fault.kind, {
          'retry-after': String(fault.retryAfterSeconds ?? 1),
        })
        return false
      case 'forbid':
        refuse(response, service, 'forbid')
        return false
      case 'readOnly':
        if (!isWrite(request.method ?? 'GET', url)) return true
        refuse(response, service, 'readOnly')
        return false
      case 'cutOff':
      case 'clockSkew':
      case 'fullDisk':
      case 'slowOperations':
      case 'falseHealth':
        // These are met elsewhere: by the region's own calls, clock, stores, operations and claims.
        return true
    }
    fault.kind satisfies never
  }

  return {
    of: (listener, next) => (request, response) => {
      const url = request.url ?? '/'
      const service =
        listener === 'main'
          ? serviceOf(request)
          : isFileHost(request.headers.host)
            ? 'file'
            : 'blob'
      // Sign-in is global in Azure and outlives a region; the switches must stay within reach.
      if (service === undefined) {
        next(request, response)
        return
      }
      const one = { request, response, url, service }
      underWay.add(one)
      response.once('close', () => underWay.delete(one))
      const hitting = faults.hitting(url, service)
      if (hitting.length === 0) {
        next(request, response)
        return
      }
      // Nothing in `pass` throws but a bug, and then the connection is the only one to tell.
      pass(one, hitting).then(
        (isThrough) => isThrough && next(request, response),
        () => response.destroy(),
      )
    },
    begun(fault) {
      if (fault.kind !== 'down' || fault.share !== 1) return
      for (const { response, url, service } of underWay)
        if (hits(fault, url, service)) response.destroy()
    },
    close() {
      for (const { response } of underWay) if (!response.headersSent) response.destroy()
    },
  }
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

function delay(ms: number, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    response.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
