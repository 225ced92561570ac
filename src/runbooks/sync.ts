import { runbook, step } from '../runbook/runbook.ts'
import type { SyncWorld } from './ports.ts'
import { captureJobs, publishRoutes, replicateOnce, toBeDone } from './steps/sync-steps.ts'

/**
 * One replication pass that somebody asked for. A pass compares before it writes, so a step that runs
 * again after a crash repeats no effect (I2).
 */
export const sync = runbook<SyncWorld>('sync', [
  step('capture-jobs', {
    title: 'Note the open jobs of the primary',
    needs: [{ member: 'source', plane: 'jobs' }],
    isDone: toBeDone('Open jobs are noted anew in every sync.'),
    act: captureJobs,
  }),
  step('replicate', {
    title: 'Copy what changed, re-read and compare it',
    needs: [
      { member: 'source', plane: 'arm' },
      { member: 'target', plane: 'arm' },
    ],
    isDone: toBeDone('Every object is compared in every sync.'),
    act: replicateOnce,
  }),
  step('publish-routes', {
    title: 'Tell the stable endpoints how the secondary is reached',
    needs: [{ member: 'target', plane: 'arm' }],
    isDone: toBeDone('Addresses and keys may have changed.'),
    act: publishRoutes,
  }),
])
