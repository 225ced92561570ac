import { z } from 'zod'

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

export const auditPage = z.object({
  /** Oldest first. */
  items: z.array(auditEntry),
  /** `after` of the next page; null: this is the end. */
  cursor: z.number().nullable(),
  head: auditHead.nullable().describe('the newest that this controller has signed'),
})

export const evidenceKey = z.object({
  keyId: z.string(),
  publicKey: z.string().describe('Ed25519, PEM'),
})

export type AuditPage = z.infer<typeof auditPage>
export type EvidenceKey = z.infer<typeof evidenceKey>
