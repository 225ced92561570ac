import type { Finding } from '../api/contract.ts'
import type { AuditPage, EvidenceKey } from '../api/evidence-contract.ts'
import type { AuditFilter, AuditLog } from '../evidence/audit-log.ts'
import type { HeadKeeper } from '../evidence/head-keeper.ts'
import type { SigningKey } from '../evidence/signing-key.ts'

export interface EvidenceService {
  audit(filter: AuditFilter): Promise<AuditPage>
  key(): EvidenceKey
  findings(): readonly Finding[]
}

export interface EvidenceParts {
  readonly audit: AuditLog
  readonly heads: HeadKeeper
  readonly key: SigningKey
}

export function evidenceService({ audit, heads, key }: EvidenceParts): EvidenceService {
  return {
    audit: async (filter) => {
      const entries = await audit.entries(filter)
      const isEnd = entries.length < filter.limit
      return {
        items: entries.map(({ details, ...entry }) => ({ ...entry, details: { ...details } })),
        cursor: isEnd ? null : (entries.at(-1)?.seq ?? null),
        head: heads.head() ?? null,
      }
    },
    key: () => ({ keyId: key.keyId, publicKey: key.publicKey }),
    findings: () => findingsOf(heads),
  }
}

function findingsOf(heads: HeadKeeper): Finding[] {
  const unwritten = heads.unwritten()
  return [
    ...(heads.isContradicted()
      ? [
          {
            ...{ rule: 'audit-log', level: 'degraded' as const },
            sentence: 'The audit log does not lead on from the head that was signed for it.',
            evidence: [`The head is of entry ${heads.head()?.seq}.`],
            remedy: 'Run `holdfast audit verify`; keep audit-head.json of the state directory.',
          },
        ]
      : []),
    ...(unwritten === null
      ? []
      : [
          {
            ...{ rule: 'audit-head', level: 'degraded' as const },
            sentence: 'The head of the audit log cannot be kept in the state directory.',
            evidence: [unwritten],
            remedy: 'Make room or restore the permissions of the state directory.',
          },
        ]),
  ]
}
