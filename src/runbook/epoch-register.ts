import { HoldfastError } from '../model/errors.ts'

/** Which member is the effective primary, and since which epoch (design section 2). */
export interface Epoch {
  readonly group: string
  readonly epoch: number
  /** Member name. */
  readonly primary: string
  readonly previous: string | null
  readonly since: string
  /** Id of the run that began it; null for the first. */
  readonly begunBy: string | null
}

/**
 * I1: at most one member is primary per epoch. All calls are linearizable: of any number of
 * concurrent `begin`s from the same epoch exactly one wins, the others get `epoch.stale`.
 */
export interface EpochRegister {
  current(group: string): Promise<Epoch | undefined>
  /** All epochs of a group, oldest first. */
  history(group: string): Promise<readonly Epoch[]>
  /** Sets the first epoch of a group; returns the one that is already there otherwise. */
  establish(first: {
    readonly group: string
    readonly primary: string
    readonly at: string
    /** Higher than 1 when the members' markers outlived the controller's state (I10). */
    readonly epoch?: number
  }): Promise<Epoch>
  /**
   * Raises the epoch from `expected` to `expected + 1` with another primary. Repeating it for the
   * same run gives the same answer (I2). Throws `epoch.stale` (permanent) otherwise.
   */
  begin(
    group: string,
    change: {
      readonly from: string
      readonly to: string
      readonly expected: number
      readonly by: string
      readonly at: string
    },
  ): Promise<Epoch>
}

export function staleEpoch(group: string, expected: number, current: Epoch | undefined) {
  return new HoldfastError(
    'epoch.stale',
    current === undefined
      ? `Group ${group} has no epoch yet.`
      : `Group ${group} is in epoch ${current.epoch} with ${current.primary} as primary, not in epoch ${expected}.`,
    { hint: 'Look at the status; another failover was faster.' },
  )
}

export function memoryEpochRegister(): EpochRegister {
  const epochs = new Map<string, Epoch[]>()
  const last = (group: string): Epoch | undefined => epochs.get(group)?.at(-1)
  return {
    current: async (group) => last(group),
    history: async (group) => epochs.get(group) ?? [],
    establish: async ({ group, primary, at, epoch = 1 }) => {
      const existing = last(group)
      if (existing !== undefined) return existing
      const first = { group, epoch, primary, previous: null, since: at, begunBy: null }
      epochs.set(group, [first])
      return first
    },
    begin: async (group, { from, to, expected, by, at }) => {
      const now = last(group)
      if (now !== undefined && isSameBeginning(now, { to, expected, by })) return now
      if (now?.epoch !== expected || now.primary !== from) throw staleEpoch(group, expected, now)
      const next = {
        group,
        epoch: expected + 1,
        primary: to,
        previous: from,
        since: at,
        begunBy: by,
      }
      epochs.set(group, [...(epochs.get(group) ?? []), next])
      return next
    },
  }
}

export function isSameBeginning(
  epoch: Epoch,
  change: { readonly to: string; readonly expected: number; readonly by: string },
): boolean {
  return (
    epoch.epoch === change.expected + 1 &&
    epoch.primary === change.to &&
    epoch.begunBy === change.by
  )
}
