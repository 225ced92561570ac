import type { Json } from '../model/json.ts'
import { accepted, fold, type RunEvent, type RunState } from './run-state.ts'

/** What a run is: fixed when it is accepted. */
export interface RunHeader {
  /** Chosen by the caller; a second run of the same id is the same run. */
  readonly id: string
  readonly runbook: string
  readonly group: string
  readonly input: Json
  readonly steps: readonly { readonly id: string; readonly title: string }[]
  readonly acceptedAt: string
}

export interface Run {
  readonly header: RunHeader
  readonly state: RunState
}

export interface RunFilter {
  readonly group?: string
  readonly runbook?: string
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
  const headers = new Map<string, RunHeader>()
  const events = new Map<string, RunEvent[]>()
  const facts = new Map<string, Json>()
  const runOf = (header: RunHeader): Run => ({
    header,
    state: fold(accepted(header.steps, header.acceptedAt), events.get(header.id) ?? []),
  })
  return {
    create: async (header) => {
      if (!headers.has(header.id)) headers.set(header.id, header)
    },
    append: async (runId, event) => {
      events.set(runId, [...(events.get(runId) ?? []), event])
    },
    events: async (runId) => events.get(runId) ?? [],
    read: async (runId) => {
      const header = headers.get(runId)
      return header === undefined ? undefined : runOf(header)
    },
    list: async ({ group, runbook, limit = 100 } = {}) =>
      [...headers.values()]
        .reverse()
        .filter((header) => group === undefined || header.group === group)
        .filter((header) => runbook === undefined || header.runbook === runbook)
        .slice(0, limit)
        .map(runOf),
    writeFact: async (runId, key, value) => {
      facts.set(`${runId} ${key}`, structuredClone(value))
    },
    readFact: async (runId, key) => facts.get(`${runId} ${key}`),
  }
}
