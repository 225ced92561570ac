import type { PlannedAction } from '../api/contract.ts'
import type { LedgerEntry } from './ledger.ts'
import type { PassResult, ReplicationContext } from './pass.ts'
import type { Pass } from './pass-state.ts'
import { runPass } from './replicate.ts'

export interface SalvageResult extends PassResult {
  /** Brought over: what the old primary had and nobody had copied. */
  readonly brought: readonly PlannedAction[]
  /** The same name with other content on both sides; both are kept where they are (I5). */
  readonly conflicting: readonly PlannedAction[]
  /** In scope and not proven, conflicts included, with the reason where the ledger has one. */
  readonly unproven: readonly Unproven[]
}

export interface Unproven {
  readonly object: string
  readonly state: LedgerEntry['state']
  readonly error: LedgerEntry['error']
}

/**
 * From the old primary, when it is back, to the new one: what was not copied before the outage. Goes
 * in the direction of the time before the failover, so that its ledger tells what is new on which
 * side; nothing the new primary changed is overwritten (I3, I7).
 */
export async function salvage(context: ReplicationContext): Promise<SalvageResult> {
  const actions: PlannedAction[] = []
  let pass: Pass | undefined
  const result = await runPass(
    { ...context, full: true, onAction: (action) => actions.push(action) },
    'salvage',
    (begun) => {
      pass = begun
    },
  )
  return {
    ...result,
    unproven: pass === undefined ? [] : await unprovenOf(pass),
    brought: actions.filter(
      ({ action }) =>
        action === 'create' || action === 'update' || action === 'copy' || action === 'archive',
    ),
    conflicting: actions.filter(({ action }) => action === 'conflict'),
  }
}

async function unprovenOf({ unproven, direction, context }: Pass): Promise<Unproven[]> {
  const rows = await context.ledger.read(direction, [...unproven.keys()])
  return [...unproven].map(([object, state]) => ({
    object,
    state,
    error: rows.get(object)?.error ?? null,
  }))
}
