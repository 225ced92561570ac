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
import { conflictStates, listConflicts } from '../replication/list-conflicts.ts'
import type { Keep } from '../replication/resolutions.ts'
import type { CallOptions } from '../workspace/workspace.ts'
import { listKept, openKept } from './kept-content.ts'
import type { PageAsked } from './list-pages.ts'
import { courseNow, type ProtectedGroup, passContext } from './protected-group.ts'

/** What the API says and takes about the two sides of a group, besides operations. */
export interface ReplicationService {
  conflicts(options: CallOptions & PageAsked): Promise<ConflictsPage>
  /** Decides; the next pass does it. Throws `conflict.not-found`, `conflict.fixed-field` (operator). */
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
      const wanted = { state: conflictStates, limit, ...after }
      const rows = await records.ledger.rows(direction, wanted)
      const counts = await records.ledger.counts(direction)
      const apart = counts.reduce((sum, line) => sum + line.apart, 0)
      return {
        items: await listConflicts(context, rows),
        cursor: rows.length < limit ? null : (rows.at(-1)?.object ?? null),
        total: counts.reduce((sum, { conflict }) => sum + conflict, apart),
        apart,
      }
    },
    resolveConflict: async ({ object, keep: wanted, dryRun }, options = {}) => {
      const { direction, context } = await contextNow(options)
      const row = (await records.ledger.read(direction, [object])).get(object)
      const isListed = conflictStates.some((state) => state === row?.state)
      if (row === undefined || !isListed) throw noConflict(object)
      const [conflict] = await listConflicts(context, [row satisfies LedgerRow])
      if (conflict === undefined) throw noConflict(object)
      const keep = keepOf(conflict, wanted)
      if (keep !== 'both' && conflict.fixed.length > 0) throw fixed(conflict)
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

function keepOf({ source, target }: Conflict, wanted: string): Keep {
  if (wanted === 'source' || wanted === 'target' || wanted === 'both') return wanted
  if (wanted === source.member) return 'source'
  if (wanted === target.member) return 'target'
  throw new HoldfastError('conflict.unknown-side', `'${wanted}' is neither side.`, {
    ...{ kind: 'operator', hint: `Keep ${source.member}, ${target.member} or both.` },
  })
}

/** Said at once: no sync could do it (I8). */
function fixed({ object, kind, fixed, source, target }: Conflict): HoldfastError {
  const fields = fixed.join(', ')
  return new HoldfastError(
    'conflict.fixed-field',
    `${fields} of a ${kind} version cannot be changed once it is made, so neither side of ${object} can take the content of the other.`,
    {
      ...{ kind: 'operator', place: object },
      hint: `Register the content to keep as a new version, at ${source.member}. Of this one both sides can keep their own: holdfast conflicts resolve ${object} --keep both. What ${target.member} has may also be archived there.`,
    },
  )
}

function sentenceOf({ source, target }: Conflict, keep: Keep, dryRun: boolean): string {
  if (keep === 'both') return apartSentence(source.member, target.member, dryRun)
  const [winner, loser] = keep === 'source' ? [source, target] : [target, source]
  const what = `writes the content of ${winner.member} to ${loser.member}; what ${loser.member} has is put aside first, to be had back with \`holdfast conflicts kept\``
  return dryRun ? `A sync would then do this: it ${what}.` : `The next sync ${what}.`
}

function apartSentence(source: string, target: string, dryRun: boolean): string {
  const when = dryRun ? 'would each keep' : 'each keep'
  return `${source} and ${target} ${when} their own and stay different, after a move as well: nothing is written, \`holdfast conflicts\` and \`holdfast drift\` go on naming it, and it holds up neither the replication point nor a move.`
}
