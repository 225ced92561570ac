import { z } from 'zod'

/** What differs at the secondary other than by lag; part of the HTTP API's schemas. */

export const driftFinding = z.object({
  object: z.string(),
  kind: z.string(),
  code: z.enum([
    'drift.missing',
    'drift.edited',
    'drift.foreign',
    'drift.apart',
    'drift.damaged',
    'drift.credentials',
    'drift.setting',
    'drift.compute',
    'drift.role',
    'drift.quota',
  ]),
  severity: z.enum(['high', 'medium', 'low']),
  /** One sentence for operators. */
  reason: z.string(),
  /** From what the secondary has to what it would have. */
  changes: z.array(
    z.object({ path: z.string(), from: z.unknown().optional(), to: z.unknown().optional() }),
  ),
  /** Who mends it: the next sync, a decision about a conflict, or a human at the secondary. */
  fix: z.enum(['sync', 'conflicts', 'manual']),
})

export const driftReport = z.object({
  group: z.string(),
  from: z.string(),
  to: z.string(),
  /** Highest severity first, then by object; the same world gives the same list. */
  findings: z.array(driftFinding),
  totals: z.object({ high: z.number(), medium: z.number(), low: z.number() }),
  /** What this comparison does not cover, so that nobody takes silence for equality (I8). */
  notCompared: z.array(z.string()),
})

export type DriftFinding = z.infer<typeof driftFinding>
export type DriftReport = z.infer<typeof driftReport>
