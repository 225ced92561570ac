import type { BenchServer } from './server.ts'

export interface Work {
  readonly seconds: number
  readonly diskBytes: number
  readonly notes: Readonly<Record<string, unknown>>
}

/** Copies everything of one server to the other; `folder` is its own. */
export type Way = (source: BenchServer, target: BenchServer, folder: string) => Promise<Work>
