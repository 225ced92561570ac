import type { DecisionStore, GroupMode } from '../../src/detection/decision-store.ts'

/** Of one group. Its log is not kept: nothing here reads it. */
export function memoryDecisions(): DecisionStore {
  let mode: GroupMode = {
    ...{ pausedFor: null, pausedBy: null, lastAutomaticAt: null, acknowledgedAt: null },
  }
  return {
    read: async () => mode,
    pause: async (_group, pause) => {
      mode = { ...mode, pausedFor: pause?.reason ?? null, pausedBy: pause?.by ?? null }
    },
    noteAutomatic: async (_group, at) => {
      mode = { ...mode, lastAutomaticAt: at, acknowledgedAt: null }
    },
    acknowledge: async (_group, _by, at) => {
      mode = { ...mode, acknowledgedAt: at }
    },
    log: async () => undefined,
    entries: async () => [],
  }
}
