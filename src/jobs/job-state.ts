/**
 * The 14 states of an Azure ML job, and what each means for a job whose region is gone (I6).
 *
 * - `unstarted`: nothing ran yet, so nothing is lost by running it elsewhere.
 * - `started`: work was done; where it goes on depends on checkpoints.
 * - `uncertain`: the service itself did not know; treated as started after a hold.
 * - `ending`: somebody wanted it to end.
 * - `finished`: never run again unless a user asks.
 */
export type JobPhase = 'unstarted' | 'started' | 'uncertain' | 'ending' | 'finished'

const phases = {
  NotStarted: 'unstarted',
  Starting: 'unstarted',
  Provisioning: 'unstarted',
  Preparing: 'unstarted',
  Queued: 'unstarted',
  Running: 'started',
  Finalizing: 'started',
  Paused: 'started',
  NotResponding: 'uncertain',
  Unknown: 'uncertain',
  CancelRequested: 'ending',
  Completed: 'finished',
  Failed: 'finished',
  Canceled: 'finished',
} as const satisfies Record<string, JobPhase>

export type JobState = keyof typeof phases
export const jobStates = Object.keys(phases) as readonly JobState[]

/** A state that a later API version invents is uncertain, not finished. */
export function jobPhase(state: string): JobPhase {
  return Object.hasOwn(phases, state) ? phases[state as JobState] : 'uncertain'
}

/** It may still act: run, write or start. */
export function isOpen(state: string): boolean {
  return jobPhase(state) !== 'finished'
}
