import { endingAfter } from '../workspace/deadline.ts'
import type { Channel } from './channel.ts'
import type { Letter, Outbox } from './outbox.ts'

export interface DeliveryLimits {
  /** How long one attempt may take, in milliseconds. */
  readonly sendMs: number
  /** After the first failure; doubles up to `longestWaitMs`. */
  readonly firstWaitMs: number
  readonly longestWaitMs: number
  /** Attempts until a notification is given up. */
  readonly attempts: number
}

/** About a day and a half of attempts. */
export const defaultLimits: DeliveryLimits = {
  sendMs: 10_000,
  firstWaitMs: 5_000,
  longestWaitMs: 3_600_000,
  attempts: 45,
}

/** Tries everything that is due, once. One channel does not wait for another. */
export async function deliverDue(
  group: string,
  parts: {
    readonly outbox: Outbox
    readonly channels: readonly Channel[]
    readonly now: () => Date
    readonly signal: AbortSignal
  },
  limits = defaultLimits,
): Promise<void> {
  const { outbox, channels, now, signal } = parts
  const letters = await outbox.take(group, now(), 100, limits.sendMs * 20)
  const names = [...new Set(letters.map(({ channel }) => channel))]
  await Promise.all(
    names.map(async (name) => {
      const channel = channels.find((one) => one.name === name)
      for (const letter of letters.filter((one) => one.channel === name)) {
        if (signal.aborted) return
        await deliver(letter, channel, parts, limits)
      }
    }),
  )
}

async function deliver(
  letter: Letter,
  channel: Channel | undefined,
  parts: { readonly outbox: Outbox; readonly now: () => Date; readonly signal: AbortSignal },
  limits: DeliveryLimits,
): Promise<void> {
  const { id, notification, attempts } = letter
  const { outbox, now, signal } = parts
  try {
    if (channel === undefined) throw new Error('The plan names no such channel any more.')
    const limit = endingAfter(limits.sendMs, signal)
    await channel.send(notification, limit)
  } catch (error) {
    const wait = Math.min(limits.firstWaitMs * 2 ** (attempts - 1), limits.longestWaitMs)
    const isLast = channel === undefined || attempts >= limits.attempts
    const next = isLast ? null : new Date(now().getTime() + wait)
    const message = error instanceof Error ? error.message : String(error)
    return outbox.failed(id, { error: message, next })
  }
  // A crash before this line sends it once more, under the same key.
  await outbox.sent(id)
}
