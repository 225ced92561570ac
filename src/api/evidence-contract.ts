import { z } from 'zod'
import { operation } from './contract.ts'
import { pageOf } from './paging.ts'

/** What the API says of evidence; see `contract.ts`. */

export const auditEntry = z.object({
  seq: z.number(),
  at: z.string(),
  actor: z.string(),
  group: z.string(),
  action: z.string(),
  subject: z.string(),
  details: z.record(z.string(), z.unknown()),
  previousHash: z.string(),
  hash: z.string(),
})

export const auditHead = z.object({
  seq: z.number(),
  hash: z.string(),
  at: z.string(),
  keyId: z.string(),
  signature: z.string(),
})

export const auditVerdict = z.object({
  entries: z.number(),
  headsChecked: z.number(),
  broken: z
    .object({
      seq: z.number(),
      code: z.enum(['changed', 'missing', 'moved', 'cut-off', 'rewritten', 'head-forged']),
      sentence: z.string(),
    })
    .nullable()
    .describe('the first that does not hold; null: the chain is whole'),
})

/** In the order asked for. */
export const auditPage = pageOf(auditEntry).extend({
  head: auditHead.nullable().describe('the newest that this controller has signed'),
})

export const evidenceKey = z.object({
  keyId: z.string(),
  publicKey: z.string().describe('Ed25519, PEM'),
})

/** One operation, as history tells it. */
export const historyEntry = operation
  .pick({ id: true, type: true, epoch: true, by: true, status: true, outcome: true })
  .extend({
    began: z
      .number()
      .nullable()
      .describe('the epoch that it began; null: the group stayed in the one it was asked for in'),
    startedAt: z.string(),
    endedAt: z.string().nullable(),
    rtaMs: z.number().nullable().describe('null: not measured'),
    atLeast: z
      .boolean()
      .describe('RTA may be longer: the source had not been asked right before its outage'),
    rtoMs: z.number().nullable().describe('the objective then; null: nothing was to be measured'),
    rpaMs: z.number().nullable(),
    rpoMs: z.number().nullable(),
    report: z.string().nullable().describe('path below /api/v1'),
  })

/** Newest first. */
export const historyPage = pageOf(historyEntry)

export type HistoryEntry = z.infer<typeof historyEntry>
export type HistoryPage = z.infer<typeof historyPage>
export type AuditVerdict = z.infer<typeof auditVerdict>
export type AuditEntry = z.infer<typeof auditEntry>
export type AuditPage = z.infer<typeof auditPage>
export type EvidenceKey = z.infer<typeof evidenceKey>
