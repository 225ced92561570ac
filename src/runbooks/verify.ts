import { runbook, step } from '../runbook/runbook.ts'
import type { VerifyWorld } from './ports.ts'
import { toBeDone } from './steps/sync-steps.ts'
import { verifyObjects } from './steps/verify-steps.ts'

/** Proven objects read again on both sides, bytes included. It changes no workspace. */
export const verification = runbook<VerifyWorld>('verify', [
  step('verify', {
    title: 'Read proven objects again on both sides and compare them',
    needs: [
      { member: 'source', plane: 'arm' },
      { member: 'target', plane: 'arm' },
    ],
    isDone: toBeDone('What was proven before may differ now.'),
    act: verifyObjects,
  }),
])
