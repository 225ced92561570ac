import type { EvidenceService } from '../../controller/evidence-service.ts'
import { type AuditEntry, type AuditNote, nextEntry } from '../../evidence/audit-entry.ts'
import { signHead } from '../../evidence/audit-head.ts'
import { readOrMakeSigningKey } from '../../evidence/signing-key.ts'

export interface ScriptedEvidence extends EvidenceService {
  /** In the order of the log; a test may do with them what an intruder would. */
  readonly entries: AuditEntry[]
  append(note: AuditNote): Promise<AuditEntry>
}

/** An audit log in memory with the real hashes and signatures. */
export async function scriptedEvidence(stateDir: string): Promise<ScriptedEvidence> {
  const key = await readOrMakeSigningKey(stateDir)
  const entries: AuditEntry[] = []
  let newest: AuditEntry | undefined
  return {
    entries,
    append: async (note) => {
      newest = nextEntry(newest, note, '2026-01-01T00:00:00.000Z')
      entries.push(newest)
      return newest
    },
    audit: async ({ cursor = '0', since = '', limit }) => {
      // Pages shorter than asked for, so that whoever reads has to follow the cursor.
      const found = entries.filter(({ seq, at }) => seq > Number(cursor) && at >= since)
      const page = found.slice(0, Math.min(limit, 2))
      return {
        items: page.map(({ details, ...entry }) => ({ ...entry, details: { ...details } })),
        cursor: page.length < found.length ? String(page.at(-1)?.seq) : null,
        head: newest === undefined ? null : signHead(newest, key),
      }
    },
    verdict: () => Promise.reject(new Error('not scripted')),
    key: () => ({ keyId: key.keyId, publicKey: key.publicKey }),
    findings: () => [],
  }
}
