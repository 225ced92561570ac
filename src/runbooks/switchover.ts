import { runbook, type Step, step } from '../runbook/runbook.ts'
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
import type { SwitchoverWorld } from './ports.ts'
import { endQuiet } from './steps/end-quiet.ts'
import { fenceSource } from './steps/fence-source.ts'
import { isProtected, markProtected } from './steps/mark-protected.ts'
import {
  bothAnswer,
  catchUp,
  copyAhead,
  giveTrafficBack,
  isCaughtUp,
  isCopiedAhead,
  isQuiet,
  onceSalvaged,
  quiesceSource,
  refuseSilentSide,
  salvageFenced,
  wasFenced,
  whenSourceAnswers,
  whileSourceAnswers,
} from './steps/quiesce.ts'
import { pointExists, replicateBack } from './steps/replicate-back.ts'
import { jobsAreResubmitted, resubmitOpenJobs } from './steps/resubmit-jobs.ts'
import { endpointsAreReturned } from './steps/return-endpoints.ts'
import { isSalvaged } from './steps/salvage.ts'
import { reportIsWritten, writeSwitchoverReport } from './steps/write-report.ts'

/**
 * Planned: both sides answer, and nothing is lost. What was written at the source between the final
 * pass and the fence is brought over at the end (I7), so writers need not stop. A source that dies on
 * the way leaves a failover: what needs it is left out from there on, and re-protection does it later.
 */
const steps: readonly Step<SwitchoverWorld>[] = [
  step('check-both', {
    title: 'Check that both sides answer and the group is protected',
    timeoutMs: limits.brief,
    needs: [
      { member: 'source', plane: 'arm' },
      { member: 'target', plane: 'arm' },
    ],
    isDone: bothAnswer,
    act: refuseSilentSide,
  }),
  step('copy-ahead', {
    title: 'Copy and prove what there is, while work goes on',
    timeoutMs: limits.copying,
    needs: [{ member: 'source', plane: 'arm' }],
    isDone: isCopiedAhead,
    act: copyAhead,
  }),
  step('quiesce-source', {
    title: 'Start nothing new at the old primary: schedules off, jobs that move stopped',
    timeoutMs: limits.asking,
    needs: [{ member: 'source', plane: 'arm' }],
    isDone: isQuiet,
    act: quiesceSource,
    undo: endQuiet,
  }),
  step('catch-up', {
    title: 'Copy what is left and prove it, until the point is younger than the quiet',
    timeoutMs: limits.copying,
    needs: [{ member: 'source', plane: 'arm' }],
    isDone: isCaughtUp,
    act: catchUp,
  }),
  choosePointStep,
  raiseEpochStep,
  decideJobsStep,
  createColdStep,
  warmEndpointsStep,
  switchTrafficStep,
  moveConfigurationStep,
  // After the traffic: endpoints of the old primary answer until nobody asks them any more.
  step('fence-source', {
    title: 'Keep the old primary from acting',
    timeoutMs: limits.asking,
    needs: [],
    isDone: wasFenced,
    act: fenceSource,
  }),
  step('resubmit-jobs', {
    title: 'Run stopped jobs again from their newest proven checkpoint',
    skippable: true,
    timeoutMs: limits.asking,
    needs: [{ member: 'target', plane: 'jobs' }],
    isDone: jobsAreResubmitted,
    act: resubmitOpenJobs,
  }),
  enableSchedulesStep,
  step('salvage', {
    title: 'Bring over what was written at the old primary until it was fenced',
    timeoutMs: limits.copying,
    needs: [],
    isDone: isSalvaged,
    act: whileSourceAnswers(salvageFenced),
  }),
  step('return-endpoints', {
    title: 'Give its endpoints back the traffic that the fence took',
    skippable: true,
    timeoutMs: limits.asking,
    needs: [],
    isDone: whenSourceAnswers(endpointsAreReturned),
    act: onceSalvaged(giveTrafficBack),
  }),
  step('replicate-back', {
    title: 'Replicate in the other direction until a replication point exists',
    timeoutMs: limits.copying,
    needs: [],
    isDone: pointExists,
    act: onceSalvaged(replicateBack),
  }),
  step('mark-protected', {
    title: 'Mark the group as protected in the other direction',
    timeoutMs: limits.brief,
    needs: [],
    isDone: isProtected,
    act: onceSalvaged(markProtected),
  }),
  step('write-report', {
    title: 'Write the report',
    timeoutMs: limits.asking,
    needs: [],
    isDone: reportIsWritten,
    act: writeSwitchoverReport,
  }),
]

export const switchover = runbook<SwitchoverWorld>('switchover', steps)

/** The planned return to the primary of the plan file; the same procedure under its own name. */
export const failback = runbook<SwitchoverWorld>('failback', steps)
