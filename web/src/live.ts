import { useEffect, useState, useSyncExternalStore } from 'react'
import {
  type Event as ApiEvent,
  apiPrefix,
  type Operation,
  type Status,
} from '../../src/api/contract.ts'

/** What the page knows, and how fresh it is: a stale page must say so, an outage is no time to guess (I8). */
export interface Live {
  readonly status: Status | undefined
  readonly connection: 'connecting' | 'live' | 'interrupted' | 'signed-out' | 'no-role'
  readonly receivedAt: number | undefined
}

let live: Live = { status: undefined, connection: 'connecting', receivedAt: undefined }
const listeners = new Set<() => void>()

function update(change: Partial<Live>): void {
  live = { ...live, ...change }
  for (const listener of listeners) listener()
}

function withOperation(status: Status, operation: Operation): Status {
  return {
    ...status,
    groups: status.groups.map((g) => (g.group === operation.group ? { ...g, operation } : g)),
  }
}

let source: EventSource | undefined

function connect(): void {
  source = new EventSource(`${apiPrefix}/events`)
  source.addEventListener('status', (message) => {
    const event = JSON.parse((message as MessageEvent<string>).data) as Extract<
      ApiEvent,
      { type: 'status' }
    >
    update({ status: event.data, connection: 'live', receivedAt: Date.now() })
  })
  source.addEventListener('operation', (message) => {
    const event = JSON.parse((message as MessageEvent<string>).data) as Extract<
      ApiEvent,
      { type: 'operation' }
    >
    if (live.status)
      update({
        status: withOperation(live.status, event.data),
        connection: 'live',
        receivedAt: Date.now(),
      })
  })
  source.onerror = () => {
    if (live.connection !== 'no-role') update({ connection: 'interrupted' })
    // EventSource retries by itself unless the answer was final; then ask why, and try again later.
    if (source?.readyState === EventSource.CLOSED) void explainAndRetry()
  }
}

async function explainAndRetry(): Promise<void> {
  source?.close()
  const answer = await fetch(`${apiPrefix}/status`).catch(() => undefined)
  if (answer?.status === 401) {
    // What was shown was shown to somebody who may not see it any more.
    update({ connection: 'signed-out', status: undefined })
    return
  }
  if (answer?.status === 403) update({ connection: 'no-role' })
  setTimeout(connect, 2000)
}

/**
 * A browser opens six connections to a controller, for all its tabs together, and each stream holds
 * one: a seventh tab would wait for ever. So a tab that nobody sees lets go of its own.
 */
const restAfterMs = 30_000
let rest: ReturnType<typeof setTimeout> | undefined

function restWhileHidden(): void {
  clearTimeout(rest)
  if (document.hidden)
    rest = setTimeout(() => {
      source?.close()
      source = undefined
    }, restAfterMs)
  else if (!source) connect()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  if (!source) {
    connect()
    document.addEventListener('visibilitychange', restWhileHidden)
  }
  return () => listeners.delete(listener)
}

export function useLive(): Live {
  return useSyncExternalStore(subscribe, () => live)
}

/** Rerenders once a second, for relative times. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [])
  return now
}
