import { z } from 'zod'
import { pageOf } from './paging.ts'

/** Conflicts of a failover group and what was decided about them; part of the HTTP API's schemas. */

const change = z.object({
  path: z.string(),
  from: z.unknown().optional(),
  to: z.unknown().optional(),
})

const keep = z.enum(['source', 'target', 'both'])

/** What was decided about a conflict as it stands, and is carried out or tried by every pass. */
const decision = z.object({
  keep,
  at: z.string().nullable().describe('null: a rule of the plan'),
})

/** Who changed a side last, as far as its service tells. */
const author = z.object({
  by: z.string().nullable(),
  at: z.string().nullable(),
})

export const conflict = z.object({
  object: z.string(),
  kind: z.string(),
  code: z.string(),
  reason: z.string(),
  source: author.extend({ member: z.string() }),
  target: author.extend({ member: z.string() }),
  /** From what the target holds to what the source would put there; null: one side could not be read. */
  changes: z.array(change).nullable(),
  /** Of these, what its service lets nobody change: only `both` can be kept. */
  fixed: z.array(z.string()),
  decision: decision.nullable(),
  isApart: z.boolean().describe('both sides keep their own, by decision: nothing is left to do'),
})

export const conflictsPage = pageOf(conflict).extend({
  total: z.number().describe('conflicts on all pages, kept apart or not'),
  apart: z.number().describe('of these, kept apart by decision'),
})

export const resolveConflict = z.object({
  object: z.string(),
  keep: z
    .string()
    .min(1)
    .describe('whose content stands: `source`, `target`, the name of a member, or `both`'),
  dryRun: z.boolean().default(false),
})

export const conflictResolution = z.object({
  conflict,
  keep,
  dryRun: z.boolean(),
  /** What happens and when, for operators. */
  sentence: z.string(),
})

export const keptContent = z.object({
  id: z.string().describe('of this content, for `kept/open`'),
  object: z.string(),
  kind: z.string(),
  member: z.string().describe('whose content it was'),
  side: z.enum(['source', 'target']),
  digest: z.string(),
  /** Of a blob: where its bytes are. */
  body: z.record(z.string(), z.unknown()),
  seals: z.number().describe('texts that are sealed: `[sealed]` in the body'),
  at: z.string(),
})

export const openKept = z.object({
  object: z.string().describe('whose content it is, for the audit log'),
  id: z.string(),
})

export const keptPage = pageOf(keptContent)

export type Conflict = z.infer<typeof conflict>
export type ConflictsPage = z.infer<typeof conflictsPage>
export type ConflictResolution = z.infer<typeof conflictResolution>
export type ResolveConflict = z.infer<typeof resolveConflict>
export type KeptContent = z.infer<typeof keptContent>
export type OpenKept = z.infer<typeof openKept>
export type KeptPage = z.infer<typeof keptPage>
