import type { Json } from '../model/json.ts'
import { accepted, advance, type RunEvent, type RunState, type StepOutline } from './run-state.ts'
import type { Person } from './wait.ts'

/** What a run is: fixed when it is accepted. */
export interface RunHeader {
  /** Chosen by the caller; a second run of the same id is the same run. */
  readonly id: string
  readonly runbook: string
  readonly group: string
  readonly input: Json
  readonly steps: readonly StepOutline[]
  /** Who asked for it; absent in runs of older versions. */
  readonly askedBy?: Person
  readonly acceptedAt: string
  /** W3C `traceparent` of the call that asked for it, where it was traced. */
  readonly trace?: string
}

export interface Run {
  readonly header: RunHeader
  readonly state: RunState
}

export interface RunFilter {
  readonly group?: string
  readonly runbook?: string
  /** Accepted at this instant or later. */
  readonly since?: string
  /** Id of a run: only those that were accepted before it. */
  readonly before?: string
  readonly limit?: number
}

/**
 * Intents and outcomes, in the order they were written. It informs people and reports; the world
 * decides what a step still has to do (D8). An `append` that resolved survives `kill -9`.
 */
export interface Journal {
  /** Keeps the first header of an id. */
  create(header: RunHeader): Promise<void>
  append(runId: string, event: RunEvent): Promise<void>
  events(runId: string): Promise<readonly RunEvent[]>
  read(runId: string): Promise<Run | undefined>
  /** Newest first. */
  list(filter?: RunFilter): Promise<readonly Run[]>
  /** What a step learned and a later step or the report needs; the last write wins. */
  writeFact(runId: string, key: string, value: Json): Promise<void>
  readFact(runId: string, key: string): Promise<Json | undefined>
}

export function memoryJournal(): Journal {
  const runs = new Map<string, Run>()
  const events = new Map<string, RunEvent[]>()
  const facts = new Map<string, Json>()
  return {
    create: async (header) => {
      const state = accepted(header.steps, header.acceptedAt)
      if (!runs.has(header.id)) runs.set(header.id, { header, state })
    },
    append: async (runId, event) => {
      events.set(runId, [...(events.get(runId) ?? []), event])
      const run = runs.get(runId)
      if (run !== undefined) runs.set(runId, { ...run, state: advance(run.state, event) })
    },
    events: async (runId) => events.get(runId) ?? [],
    read: async (runId) => runs.get(runId),
    list: async ({ group, runbook, since = '', before, limit = 100 } = {}) =>
      [...runs.values()]
        .slice(0, before === undefined ? undefined : [...runs.keys()].indexOf(before))
        .reverse()
        .filter(({ header }) => header.acceptedAt >= since)
        .filter(({ header }) => group === undefined || header.group === group)
        .filter(({ header }) => runbook === undefined || header.runbook === runbook)
        .slice(0, limit),
    writeFact: async (runId, key, value) => {
      facts.set(`${runId} ${key}`, structuredClone(value))
    },
    readFact: async (runId, key) => facts.get(`${runId} ${key}`),
  }
}
