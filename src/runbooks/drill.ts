import { runbook, step } from '../runbook/runbook.ts'
import type { DrillWorld } from './ports.ts'
import { chooseDrillPoint, drillPointIsChosen } from './steps/drill/choose-drill-point.ts'
import { cleanUp, isCleanedUp, leftoversAreGone, removeLeftovers } from './steps/drill/clean-up.ts'
import { copiesStand, createCopies } from './steps/drill/create-copies.ts'
import { nothingIsLeft, refuseLeftovers } from './steps/drill/nothing-left.ts'
import { rehearsal } from './steps/drill/rehearsal.ts'
import { rehearsedJobsAreNoted, rehearseJobs } from './steps/drill/rehearse-jobs.ts'
import { refuseSilentTarget, targetAnswers } from './steps/drill/target-answers.ts'
import { sampleIsRead, verifySample } from './steps/drill/verify-sample.ts'
import { copiesAnswer, warmCopies } from './steps/drill/warm-copies.ts'
import { writeDrillReport } from './steps/drill/write-drill-report.ts'
import { reportIsWritten } from './steps/write-report.ts'

/**
 * A failover into copies of other names while protection goes on. What fails ends the rehearsal, not
 * the runbook, so that the clean-up is always reached; it is reached after a cancellation, too.
 */
export const drill = runbook<DrillWorld>('drill', [
  rehearsal('check-secondary', {
    title: 'Check that the secondary answers on every plane',
    needs: [{ member: 'target', plane: 'arm' }],
    isDone: targetAnswers,
    act: refuseSilentTarget,
  }),
  rehearsal('remove-leftovers', {
    title: 'Remove what an earlier drill left',
    needs: [{ member: 'target', plane: 'arm' }],
    isDone: leftoversAreGone,
    act: removeLeftovers,
  }),
  rehearsal('choose-point', {
    title: 'Choose the replication point and decide about open jobs',
    needs: [],
    isDone: drillPointIsChosen,
    act: chooseDrillPoint,
  }),
  rehearsal('create-copies', {
    title: 'Create copies of the online endpoints and their deployments',
    needs: [{ member: 'target', plane: 'arm' }],
    isDone: copiesStand,
    act: createCopies,
  }),
  rehearsal('warm-copies', {
    title: 'Check that every copy answers a real request',
    needs: [{ member: 'target', plane: 'scoring' }],
    isDone: copiesAnswer,
    act: warmCopies,
  }),
  rehearsal('rehearse-jobs', {
    title: 'Start a copy of each job that would move, then cancel it',
    needs: [{ member: 'target', plane: 'jobs' }],
    isDone: rehearsedJobsAreNoted,
    act: rehearseJobs,
  }),
  rehearsal('verify-sample', {
    title: 'Read a sample of proven objects again',
    needs: [
      { member: 'target', plane: 'arm' },
      { member: 'target', plane: 'blob' },
    ],
    isDone: sampleIsRead,
    act: verifySample,
  }),
  step('clean-up', {
    title: 'Remove everything the drill made',
    always: true,
    needs: [{ member: 'target', plane: 'arm' }],
    isDone: isCleanedUp,
    act: cleanUp,
  }),
  step('write-report', {
    title: 'Write the report',
    always: true,
    needs: [],
    isDone: reportIsWritten,
    act: writeDrillReport,
  }),
  step('nothing-left', {
    title: 'Check that nothing of the drill is left',
    always: true,
    needs: [{ member: 'target', plane: 'arm' }],
    isDone: nothingIsLeft,
    act: refuseLeftovers,
  }),
])

/**
 * What a step of a move does, some step of a drill does to copies at the same member: where no move
 * went through here, the one says how long the other takes.
 */
export const rehearsedAs: ReadonlyMap<string, string> = new Map([
  ['create-cold', 'create-copies'],
  ['warm-endpoints', 'warm-copies'],
  ['resubmit-jobs', 'rehearse-jobs'],
])
