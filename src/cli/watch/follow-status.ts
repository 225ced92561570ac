import { setTimeout as delay } from 'node:timers/promises'
import type { ApiClient } from '../../api/client.ts'
import type { Event, Status } from '../../api/contract.ts'
import { isHoldfastError } from '../../model/errors.ts'
import { endingAfter } from '../../workspace/deadline.ts'

export interface StatusListener {
  onStatus(status: Status): void
  /** The controller does not answer; called at every look in vain. */
  onLost(): void
}

/** A look tells a stream that is half open from a controller with nothing to say. */
const lookEveryMs = 3000
const answerWithinMs = 5000
const searchEveryMs = 500

/**
 * Tells every change until `signal` aborts. A controller that goes away is looked for with `find`,
 * which may find it at another address. A refusal (a wrong token) is thrown.
 */
export async function followStatus(
  find: () => Promise<ApiClient | undefined>,
  listener: StatusListener,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const client = await find().catch(rethrowRefusal)
    if (client !== undefined) await followOne(client, listener, signal)
    if (signal.aborted) return
    listener.onLost()
    await delay(searchEveryMs, undefined, { signal }).catch(() => undefined)
  }
}

/** Ends when the controller stops answering. */
async function followOne(
  client: ApiClient,
  listener: StatusListener,
  signal: AbortSignal,
): Promise<void> {
  let latest: Status | undefined
  const see = (status: Status) => {
    latest = status
    listener.onStatus(status)
  }
  const listen = async (either: AbortSignal) => {
    for await (const event of client.events(either)) {
      const next = latest === undefined ? undefined : statusAfter(latest, event)
      if (next !== undefined) see(next)
    }
  }
  const look = async (either: AbortSignal) => {
    while (!either.aborted) {
      see(
        await client.status({
          signal: endingAfter(answerWithinMs, either),
        }),
      )
      await delay(lookEveryMs, undefined, { signal: either }).catch(() => undefined)
    }
  }
  await untilSilent([look, listen], signal)
}

/** Until all end, or one meets silence: the others are told then. A refusal is thrown. */
export async function untilSilent(
  works: readonly ((signal: AbortSignal) => Promise<void>)[],
  signal: AbortSignal,
): Promise<void> {
  const gone = new AbortController()
  const either = AbortSignal.any([signal, gone.signal])
  const ending = (work: (signal: AbortSignal) => Promise<void>) =>
    work(either)
      .catch((error: unknown) => {
        if (!either.aborted) rethrowRefusal(error)
      })
      .finally(() => gone.abort())
  await Promise.all(works.map(ending))
}

function statusAfter(status: Status, event: Event): Status | undefined {
  if (event.type === 'status') return event.data
  if (event.type !== 'operation') return undefined
  const { data } = event
  return {
    ...status,
    groups: status.groups.map((group) =>
      group.group === data.group ? { ...group, operation: data } : group,
    ),
  }
}

/** Silence passes; a refusal stays one. Our own deadline is silence, too. */
export function rethrowRefusal(error: unknown): undefined {
  const silent =
    isHoldfastError(error) && (error.kind === 'transient' || error.kind === 'cancelled')
  if (silent) return undefined
  throw error
}
