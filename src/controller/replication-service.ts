import type {
  Conflict,
  ConflictResolution,
  ConflictsPage,
  KeptContent,
  KeptPage,
  OpenKept,
  ResolveConflict,
} from '../api/conflict-contract.ts'
import type { LedgerRow } from '../api/contract.ts'
import type { DriftReport } from '../api/drift-contract.ts'
import { HoldfastError } from '../model/errors.ts'
import { findDrift } from '../replication/drift.ts'
import { listConflicts } from '../replication/list-conflicts.ts'
import type { Side } from '../replication/resolutions.ts'
import type { CallOptions } from '../workspace/workspace.ts'
import { listKept, openKept } from './kept-content.ts'
import type { PageAsked } from './list-pages.ts'
import { courseNow, type ProtectedGroup, passContext } from './protected-group.ts'

/** What the API says and takes about the two sides of a group, besides operations. */
export interface ReplicationService {
  conflicts(options: CallOptions & PageAsked): Promise<ConflictsPage>
  /** Decides; the next pass does it. Throws `conflict.not-found` (operator). */
  resolveConflict(request: ResolveConflict, options?: CallOptions): Promise<ConflictResolution>
  /** Compares everything with the secondary, as a full plan does. */
  drift(options: CallOptions): Promise<DriftReport>
  /** What resolutions put aside, newest first. */
  kept(query: PageAsked & { readonly object?: string | undefined }): Promise<KeptPage>
  /** One of them with what is sealed in it: a secret (I9). Throws `kept.not-found` (operator). */
  openKept(request: OpenKept, options?: CallOptions): Promise<KeptContent>
}

export function replicationService(group: ProtectedGroup): ReplicationService {
  const { records, clock } = group
  const contextNow = async (options: CallOptions) => {
    const { primary, secondary, epoch, direction } = await courseNow(group)
    return { direction, context: passContext(group, primary, secondary, { epoch, ...options }) }
  }
  return {
    conflicts: async ({ limit, cursor, ...options }) => {
      const { direction, context } = await contextNow(options)
      const after = cursor === undefined ? {} : { after: cursor }
      const rows = await records.ledger.rows(direction, { state: 'conflict', limit, ...after })
      const counts = await records.ledger.counts(direction)
      return {
        items: await listConflicts(context, rows),
        cursor: rows.length < limit ? null : (rows.at(-1)?.object ?? null),
        total: counts.reduce((sum, { conflict }) => sum + conflict, 0),
      }
    },
    resolveConflict: async ({ object, keep, dryRun }, options = {}) => {
      const { direction, context } = await contextNow(options)
      const row = (await records.ledger.read(direction, [object])).get(object)
      if (row?.state !== 'conflict') throw noConflict(object)
      const [conflict] = await listConflicts(context, [row satisfies LedgerRow])
      if (conflict === undefined) throw noConflict(object)
      if (!dryRun) {
        const { sourceDigest, targetDigest } = row
        const at = clock().toISOString()
        await records.resolutions.resolve(direction, {
          ...{ object, keep, sourceDigest, targetDigest, at },
        })
      }
      return { conflict, keep, dryRun, sentence: sentenceOf(conflict, keep, dryRun) }
    },
    drift: async (options) => findDrift((await contextNow(options)).context),
    kept: (query) => listKept(group, query),
    openKept: (request, options = {}) => openKept(group, request, options),
  }
}

function noConflict(object: string): HoldfastError {
  return new HoldfastError('conflict.not-found', `'${object}' is not in conflict.`, {
    kind: 'operator',
    hint: 'List what is: holdfast conflicts',
  })
}

function sentenceOf({ source, target }: Conflict, keep: Side, dryRun: boolean): string {
  const [winner, loser] = keep === 'source' ? [source, target] : [target, source]
  const what = `keeps the content of ${winner.member}; that of ${loser.member} is put aside, to be had back with \`holdfast conflicts kept\``
  return dryRun ? `A sync would then do this: it ${what}.` : `The next sync ${what}.`
}
