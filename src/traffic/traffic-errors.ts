import { HoldfastError } from '../model/errors.ts'

/** What `verify` throws when the world does not lead where it should. */
export function notSwitched(place: string, message: string, hint?: string, cause?: unknown) {
  return new HoldfastError('traffic.not-switched', message, {
    place,
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
  })
}

/** Somebody wrote between our look and our write: look again, then decide again (I1). */
export function changedMeanwhile(place: string, cause?: unknown): HoldfastError {
  return new HoldfastError('traffic.changed', 'It was changed by somebody else meanwhile.', {
    kind: 'transient',
    place,
    ...(cause === undefined ? {} : { cause }),
  })
}
