import { randomUUID } from 'node:crypto'
import {
  type BatchBoard,
  type BatchResult,
  type BatchWork,
  type Claim,
  claimKey,
  type PassTerms,
} from './batch-board.ts'

interface Batch {
  readonly work: BatchWork
  holder: string | undefined
  attempt: number
  result: BatchResult | undefined
}

/** The board of one process: nobody dies here without everybody. */
export function memoryBatchBoard(): BatchBoard {
  const passes = new Map<string, { readonly terms: PassTerms; readonly batches: Batches }>()
  const batchesOf = (pass: string): Batches => passes.get(pass)?.batches ?? new Map()
  const held = ({ pass, number, by, attempt }: Claim): Batch | undefined => {
    const batch = batchesOf(pass).get(number)
    return batch?.holder === by && batch.attempt === attempt ? batch : undefined
  }
  const claimOf = (by: string, pass: string): Claim | undefined => {
    for (const [number, batch] of batchesOf(pass)) {
      if (batch.holder !== undefined) continue
      batch.holder = by
      batch.attempt += 1
      return { pass, number, by, attempt: batch.attempt, work: batch.work }
    }
    return undefined
  }
  return {
    async open(terms) {
      const id = randomUUID()
      passes.set(id, { terms, batches: new Map() })
      return id
    },
    async close(pass) {
      passes.delete(pass)
    },
    terms: async (pass) => passes.get(pass)?.terms,
    async put(pass, number, work) {
      batchesOf(pass).set(number, { work, holder: undefined, attempt: 0, result: undefined })
    },
    async claim(by, pass) {
      for (const id of pass === undefined ? passes.keys() : [pass]) {
        const claim = claimOf(by, id)
        if (claim !== undefined) return claim
      }
      return undefined
    },
    async settle(claim, result) {
      const batch = held(claim)
      if (batch !== undefined) batch.result = result
      return batch !== undefined
    },
    async release(claim) {
      const batch = held(claim)
      if (batch !== undefined) batch.holder = undefined
    },
    async take(pass) {
      const batches = batchesOf(pass)
      const settled = [...batches].flatMap(([number, { result }]) =>
        result === undefined ? [] : [{ number, result }],
      )
      for (const { number } of settled) batches.delete(number)
      return settled
    },
    async beat(by, as) {
      const standing = [...passes].flatMap(([pass, { batches }]) =>
        [...batches]
          .filter(([, batch]) => batch.holder === by && batch.result === undefined)
          .map(([number, { attempt }]) => claimKey({ pass, number, attempt })),
      )
      const isOver = 'coordinates' in as && !passes.has(as.coordinates)
      return { standing: new Set(standing), workers: 0, isOver }
    },
    leave: async () => undefined,
    workers: async () => [],
  }
}

type Batches = Map<number, Batch>
