import { setTimeout as delay } from 'node:timers/promises'
import { HoldfastError } from '../model/errors.ts'

/** Rejects with kind `cancelled` when the signal has fired; adapters call it before and between steps. */
export function throwIfCancelled(signal: AbortSignal | undefined, place?: string): void {
  if (signal?.aborted) throw cancelledError(signal, place)
}

export function cancelledError(signal: AbortSignal | undefined, place?: string): HoldfastError {
  return new HoldfastError('cancelled', 'The work was cancelled', {
    kind: 'cancelled',
    cause: signal?.reason,
    ...(place === undefined ? {} : { place }),
  })
}

/** Resolves after `ms`, or rejects with kind `cancelled`. */
export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>

export const sleep: Sleep = async (ms, signal) => {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal })
  } catch (error) {
    throwIfCancelled(signal)
    throw error
  }
}
