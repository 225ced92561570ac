import type { Finding } from '../api/contract.ts'
import { notProtected } from '../replication/not-protected.ts'
import type { Course } from './course.ts'
import { courseNow, type ProtectedGroup } from './protected-group.ts'

/** What status has to say beside a replication point that may look well. */
export async function replicationFindings(group: ProtectedGroup): Promise<readonly Finding[]> {
  const course = await courseNow(group)
  const sentences = await notProtected(group.records.ledger, course.direction)
  return [
    ...(course.isSalvaged ? [] : [unsalvaged(course)]),
    ...(sentences.length === 0 ? [] : [unprotected(course, sentences)]),
  ]
}

/** I7: named until it is brought over, not only in the report of the run that could not. */
function unsalvaged({ primary, secondary }: Course): Finding {
  return {
    rule: 'unsalvaged',
    level: 'degraded',
    sentence: `${secondary} still has what could not be brought over to ${primary}.`,
    evidence: ['The report of the last move or re-protection names each object and why.'],
    remedy: 'Run `holdfast reprotect` again.',
  }
}

function unprotected({ primary }: Course, sentences: readonly string[]): Finding {
  return {
    rule: 'not-protected',
    level: 'degraded',
    sentence: `${primary} holds what is not protected. ${sentences.join('. ')}.`,
    evidence: [...sentences],
    remedy: 'Keep a copy of these by other means.',
  }
}
