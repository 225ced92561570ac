import { runbook, step } from '../runbook/runbook.ts'
import { limits } from './limits.ts'
import {
  choosePointStep,
  createColdStep,
  decideJobsStep,
  enableSchedulesStep,
  moveConfigurationStep,
  raiseEpochStep,
  switchTrafficStep,
  warmEndpointsStep,
} from './move-steps.ts'
import type { FailoverWorld } from './ports.ts'
import { fenceSource, sourceIsFenced } from './steps/fence-source.ts'
import { jobsAreResubmitted, resubmitOpenJobs } from './steps/resubmit-jobs.ts'
import { reportIsWritten, writeFailoverReport } from './steps/write-report.ts'

/**
 * Unplanned: the source may be gone, so no step needs it. Fencing it is tried and, where it cannot
 * be done, recorded as exposure.
 */
export const failover = runbook<FailoverWorld>('failover', [
  choosePointStep,
  raiseEpochStep,
  decideJobsStep,
  step('fence-source', {
    title: 'Keep the old primary from acting, as far as it can be reached',
    timeoutMs: limits.asking,
    needs: [],
    isDone: sourceIsFenced,
    act: fenceSource,
  }),
  createColdStep,
  warmEndpointsStep,
  switchTrafficStep,
  moveConfigurationStep,
  step('resubmit-jobs', {
    title: 'Run interrupted jobs again from their newest proven checkpoint',
    skippable: true,
    timeoutMs: limits.asking,
    needs: [{ member: 'target', plane: 'jobs' }],
    isDone: jobsAreResubmitted,
    act: resubmitOpenJobs,
  }),
  enableSchedulesStep,
  step('write-report', {
    title: 'Write the report',
    timeoutMs: limits.asking,
    needs: [],
    isDone: reportIsWritten,
    act: writeFailoverReport,
  }),
])
