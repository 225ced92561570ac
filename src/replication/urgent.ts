import pLimit from 'p-limit'
import { performBlobs } from './blob-batch.ts'
import { type BlobHandler, passPlace } from './blobs.ts'
import type { UrgentPlace } from './pass.ts'
import { emptyTally, type Pass, type Tally, type UrgentBlobs } from './pass-state.ts'

/** Objects of the backlog between two looks. */
const backlogBetweenLooks = 200
/** A queue of their own: in the pass's queue they would wait for a whole page of the backlog. */
const atOnce = 4

/**
 * Checkpoints of open jobs go before everything else, and while the backlog goes on they are looked at
 * again and again: a job that an outage interrupts goes on from the newest one that is proven (I6).
 * The pass leaves them out elsewhere, so that no object is under way twice.
 */
export function urgentBlobs(pass: Pass, given: readonly UrgentPlace[]): UrgentBlobs {
  const places = given.filter(
    (one, index) => !given.some((other, i) => covers(other, one, i, index)),
  )
  const limit = pLimit(atOnce)
  let lookedAt = 0
  let latest: Tally = emptyTally()
  let underWay: Promise<void> | undefined

  const look = async (): Promise<void> => {
    // What changed since the look before is counted; what failed in it may be proven by now.
    const { onProgress: _, ...context } = pass.context
    const own: Pass = { ...pass, context, limit, tally: emptyTally(), urgent: undefined }
    const perform: BlobHandler = (store, blobs) =>
      performBlobs(
        own,
        store,
        blobs.map(([{ name }]) => name),
        blobs,
      )
    for (const place of places) await passPlace(own, place, perform)
    latest = own.tally
    pass.tally.created += latest.created
    pass.tally.updated += latest.updated
    pass.tally.bytesCopied += latest.bytesCopied
  }
  const begin = (): Promise<void> => {
    lookedAt = pass.tally.compared
    underWay ??= look().finally(() => {
      underWay = undefined
    })
    return underWay
  }
  return {
    covers: (store, name) =>
      places.some((place) => place.store === store && name.startsWith(place.prefix)),
    look: begin,
    nudge() {
      if (underWay !== undefined || pass.end.by !== undefined) return
      if (pass.tally.compared - lookedAt < backlogBetweenLooks) return
      begin().catch((error: unknown) => {
        pass.end.set(error)
      })
    },
    async settled() {
      // Its failure has ended the pass already.
      await underWay?.catch(() => undefined)
    },
    async finish() {
      await underWay
      await begin()
      pass.tally.compared += latest.compared
      pass.tally.failed += latest.failed
      pass.tally.pending += latest.pending
      pass.tally.conflicts += latest.conflicts
    },
  }
}

/** Of two equal places the first one stays. */
function covers(other: UrgentPlace, one: UrgentPlace, i: number, index: number): boolean {
  if (i === index || other.store !== one.store || !one.prefix.startsWith(other.prefix)) return false
  return other.prefix !== one.prefix || i < index
}
