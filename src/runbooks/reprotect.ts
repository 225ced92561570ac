import { runbook, step } from '../runbook/runbook.ts'
import { limits } from './limits.ts'
import type { ReprotectWorld } from './ports.ts'
import { oldPrimaryAnswers, refuseSilentMember } from './steps/check-old-primary.ts'
import {
  cancelCopies,
  copiesAreCancelled,
  fenceOldPrimary,
  oldPrimaryIsFenced,
} from './steps/fence-old-primary.ts'
import { isProtected, markProtected } from './steps/mark-protected.ts'
import { pointExists, replicateBack } from './steps/replicate-back.ts'
import { endpointsAreReturned, returnEndpoints } from './steps/return-endpoints.ts'
import { isSalvaged, salvage } from './steps/salvage.ts'
import { reportIsWritten, writeReprotectReport } from './steps/write-report.ts'

/**
 * The old primary is back. `source` is the effective primary, `target` the returning member: from
 * here on replication goes that way.
 */
export const reprotect = runbook<ReprotectWorld>('reprotect', [
  step('check-old-primary', {
    title: 'Check that the old primary answers',
    timeoutMs: limits.brief,
    needs: [{ member: 'target', plane: 'arm' }],
    isDone: oldPrimaryAnswers,
    act: refuseSilentMember,
  }),
  step('cancel-stale-jobs', {
    title: 'Cancel jobs at the old primary that run elsewhere now',
    timeoutMs: limits.asking,
    needs: [{ member: 'target', plane: 'jobs' }],
    isDone: copiesAreCancelled,
    act: cancelCopies,
  }),
  step('fence-old-primary', {
    title: 'Turn its schedules off and mark it secondary',
    timeoutMs: limits.asking,
    needs: [{ member: 'target', plane: 'arm' }],
    isDone: oldPrimaryIsFenced,
    act: fenceOldPrimary,
  }),
  step('salvage', {
    title: 'Bring over what had not been copied before the outage',
    timeoutMs: limits.copying,
    needs: [
      { member: 'target', plane: 'arm' },
      { member: 'source', plane: 'arm' },
    ],
    isDone: isSalvaged,
    act: salvage,
  }),
  step('return-endpoints', {
    title: 'Give its endpoints back the traffic that a fence took',
    skippable: true,
    timeoutMs: limits.asking,
    needs: [{ member: 'target', plane: 'arm' }],
    isDone: endpointsAreReturned,
    act: returnEndpoints,
  }),
  step('replicate-back', {
    title: 'Replicate in the other direction until a replication point exists',
    timeoutMs: limits.copying,
    needs: [
      { member: 'source', plane: 'arm' },
      { member: 'target', plane: 'arm' },
    ],
    isDone: pointExists,
    act: replicateBack,
  }),
  step('mark-protected', {
    title: 'Mark the group as protected in the other direction',
    timeoutMs: limits.brief,
    needs: [],
    isDone: isProtected,
    act: markProtected,
  }),
  step('write-report', {
    title: 'Write the report',
    timeoutMs: limits.asking,
    needs: [],
    isDone: reportIsWritten,
    act: writeReprotectReport,
  }),
])
