import { type Step, step } from '../runbook/runbook.ts'
import { limits } from './limits.ts'
import type { FailoverWorld } from './ports.ts'
import { choosePoint, pointIsChosen } from './steps/choose-point.ts'
import { coldObjectsStand, createColdObjects } from './steps/create-cold.ts'
import { decideOpenJobs, jobsAreDecided } from './steps/decide-jobs.ts'
import { enableSchedules, schedulesAreEnabled } from './steps/enable-schedules.ts'
import { epochIsRaised, raiseEpoch } from './steps/raise-epoch.ts'
import { leadsToTarget, switchToTarget } from './steps/switch-endpoints.ts'
import { endpointsAnswer, warmEndpoints } from './steps/warm-endpoints.ts'

/** Steps that every move into a new epoch has, planned or not; each runbook says in which order. */

export const choosePointStep: Step<FailoverWorld> = step('choose-point', {
  title: 'Choose the replication point',
  timeoutMs: limits.brief,
  needs: [],
  isDone: pointIsChosen,
  act: choosePoint,
})

export const raiseEpochStep: Step<FailoverWorld> = step('raise-epoch', {
  title: 'Make the target primary in a new epoch; older ones are refused from here on',
  noReturn: true,
  timeoutMs: limits.brief,
  needs: [{ member: 'target', plane: 'arm' }],
  isDone: epochIsRaised,
  act: raiseEpoch,
})

export const decideJobsStep: Step<FailoverWorld> = step('decide-jobs', {
  title: 'Decide about open jobs as they were last seen',
  timeoutMs: limits.brief,
  needs: [],
  isDone: jobsAreDecided,
  act: decideOpenJobs,
})

export const createColdStep: Step<FailoverWorld> = step('create-cold', {
  title: 'Create what the strategies left cold',
  skippable: true,
  timeoutMs: limits.deploying,
  needs: [{ member: 'target', plane: 'arm' }],
  isDone: coldObjectsStand,
  act: createColdObjects,
})

export const warmEndpointsStep: Step<FailoverWorld> = step('warm-endpoints', {
  title: 'Check that every endpoint answers a real request',
  skippable: true,
  timeoutMs: limits.deploying,
  needs: [{ member: 'target', plane: 'scoring' }],
  isDone: endpointsAnswer,
  act: warmEndpoints,
})

export const switchTrafficStep: Step<FailoverWorld> = step('switch-traffic', {
  title: 'Lead requests to the target',
  skippable: true,
  timeoutMs: limits.asking,
  needs: [],
  isDone: (world, tools) => leadsToTarget(world, world.traffic, tools),
  act: (world, tools) => switchToTarget(world, world.traffic, tools),
})

export const moveConfigurationStep: Step<FailoverWorld> = step('move-configuration', {
  title: 'Lead clients to the target',
  skippable: true,
  timeoutMs: limits.asking,
  needs: [],
  isDone: (world, tools) => leadsToTarget(world, world.configuration, tools),
  act: (world, tools) => switchToTarget(world, world.configuration, tools),
})

export const enableSchedulesStep: Step<FailoverWorld> = step('enable-schedules', {
  title: 'Enable the schedules that were enabled at the source',
  skippable: true,
  timeoutMs: limits.asking,
  needs: [{ member: 'target', plane: 'arm' }],
  isDone: schedulesAreEnabled,
  act: enableSchedules,
})
