import type { Finding } from '../api/contract.ts'
import type { AuditPage, AuditVerdict, EvidenceKey } from '../api/evidence-contract.ts'
import type { AuditFilter, AuditLog } from '../evidence/audit-log.ts'
import type { HeadKeeper } from '../evidence/head-keeper.ts'
import { readPublicKey, type SigningKey } from '../evidence/signing-key.ts'
import { verifyAudit } from '../evidence/verify-audit.ts'
import { numberIn, type PageAsked } from './list-pages.ts'

export interface EvidenceService {
  audit(filter: Omit<AuditFilter, 'after'> & PageAsked): Promise<AuditPage>
  /** Reads the whole log. */
  verdict(): Promise<AuditVerdict>
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
    audit: async ({ cursor, ...filter }) => {
      const entries = await audit.entries({ ...filter, after: numberIn(cursor) })
      const isEnd = entries.length < filter.limit
      return {
        items: entries.map(({ details, ...entry }) => ({ ...entry, details: { ...details } })),
        cursor: isEnd ? null : String(entries.at(-1)?.seq),
        head: heads.head() ?? null,
      }
    },
    verdict: async () => {
      const head = heads.head()
      const named = head === undefined ? [] : [{ head, from: 'the controller' }]
      const { entries, headsChecked, broken } = await verifyAudit(allEntries(audit), named, [
        readPublicKey(key.publicKey),
      ])
      return { entries, headsChecked, broken }
    },
    key: () => ({ keyId: key.keyId, publicKey: key.publicKey }),
    findings: () => findingsOf(heads),
  }
}

const pageSize = 1000

async function* allEntries(audit: AuditLog) {
  for (let after = 0; ; ) {
    const page = await audit.entries({ after, limit: pageSize })
    yield* page
    if (page.length < pageSize) return
    after = page.at(-1)?.seq ?? after
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
