import type { Finding } from '../api/contract.ts'
import { notProtected } from '../replication/not-protected.ts'
import { courseNow, type ProtectedGroup } from './protected-group.ts'

/** What status has to say beside a replication point that may look well. */
export async function replicationFindings(group: ProtectedGroup): Promise<readonly Finding[]> {
  const { direction, primary } = await courseNow(group)
  const sentences = await notProtected(group.records.ledger, direction)
  if (sentences.length === 0) return []
  return [
    {
      rule: 'not-protected',
      level: 'degraded',
      sentence: `${primary} holds what is not protected. ${sentences.join('. ')}.`,
      evidence: [...sentences],
      remedy: 'Keep a copy of these by other means.',
    },
  ]
}
