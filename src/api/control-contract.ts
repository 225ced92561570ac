import { z } from 'zod'

/** What people may do to an operation that was begun; `cancel` stands in the contract itself. */
export const controlActions = ['approve', 'reject', 'retry', 'skip', 'abort'] as const
export type ControlAction = (typeof controlActions)[number]

export const controlRequest = z.object({
  /** Approve, reject: the step that waits, where several do; skip: the step to leave out. */
  step: z.string().optional(),
  /** Of a skip and an abort it is part of the record, so it must be there. */
  reason: z.string().min(1).max(500).optional(),
  /** Refuses what would be refused, and changes nothing. */
  dryRun: z.boolean().default(false),
})
export type ControlRequest = z.input<typeof controlRequest>

/** Whose answer an operation waits for (I8). */
export const waiting = z.object({
  step: z.string(),
  /** Role that may answer. */
  for: z.string(),
  reason: z.string(),
  since: z.string(),
  expiresAt: z.string().nullable(),
  people: z.number().describe('how many different people have to agree'),
  excluded: z.string().nullable().describe('who does not count: the one who asked for it'),
  approvals: z.array(z.object({ by: z.string(), reason: z.string().nullable(), at: z.string() })),
})
