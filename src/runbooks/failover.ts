import { runbook, step } from '../runbook/runbook.ts'
import type { FailoverWorld } from './ports.ts'
import { choosePoint, pointIsChosen } from './steps/choose-point.ts'
import { coldObjectsStand, createColdObjects } from './steps/create-cold.ts'
import { enableSchedules, schedulesAreEnabled } from './steps/enable-schedules.ts'
import { fenceSource, sourceIsFenced } from './steps/fence-source.ts'
import { epochIsRaised, raiseEpoch } from './steps/raise-epoch.ts'
import { jobsAreResubmitted, resubmitOpenJobs } from './steps/resubmit-jobs.ts'
import { leadsToTarget, switchToTarget } from './steps/switch-endpoints.ts'
import { endpointsAnswer, warmEndpoints } from './steps/warm-endpoints.ts'
import { reportIsWritten, writeFailoverReport } from './steps/write-report.ts'

/**
 * Unplanned: the source may be gone, so no step needs it. Fencing it is tried and, where it cannot
 * be done, recorded as exposure.
 */
export const failover = runbook<FailoverWorld>('failover', [
  step('choose-point', {
    title: 'Choose the replication point and decide about open jobs',
    needs: [],
    isDone: pointIsChosen,
    act: choosePoint,
  }),
  step('raise-epoch', {
    title: 'Make the target primary in a new epoch; older ones are refused from here on',
    needs: [{ member: 'target', plane: 'arm' }],
    isDone: epochIsRaised,
    act: raiseEpoch,
  }),
  step('fence-source', {
    title: 'Keep the old primary from acting, as far as it can be reached',
    needs: [],
    isDone: sourceIsFenced,
    act: fenceSource,
  }),
  step('create-cold', {
    title: 'Create what the strategies left cold',
    needs: [{ member: 'target', plane: 'arm' }],
    isDone: coldObjectsStand,
    act: createColdObjects,
  }),
  step('warm-endpoints', {
    title: 'Check that every endpoint answers a real request',
    needs: [{ member: 'target', plane: 'scoring' }],
    isDone: endpointsAnswer,
    act: warmEndpoints,
  }),
  step('switch-traffic', {
    title: 'Lead requests to the target',
    needs: [],
    isDone: (world, tools) => leadsToTarget(world, world.traffic, tools),
    act: (world, tools) => switchToTarget(world, world.traffic, tools),
  }),
  step('move-configuration', {
    title: 'Lead clients to the target',
    needs: [],
    isDone: (world, tools) => leadsToTarget(world, world.configuration, tools),
    act: (world, tools) => switchToTarget(world, world.configuration, tools),
  }),
  step('resubmit-jobs', {
    title: 'Run interrupted jobs again from their newest proven checkpoint',
    needs: [{ member: 'target', plane: 'jobs' }],
    isDone: jobsAreResubmitted,
    act: resubmitOpenJobs,
  }),
  step('enable-schedules', {
    title: 'Enable the schedules that were enabled at the source',
    needs: [{ member: 'target', plane: 'arm' }],
    isDone: schedulesAreEnabled,
    act: enableSchedules,
  }),
  step('write-report', {
    title: 'Write the report',
    needs: [],
    isDone: reportIsWritten,
    act: writeFailoverReport,
  }),
])
