import { randomUUID } from 'node:crypto'
import { formatObjectId } from '../model/object-id.ts'
import { throwIfCancelled } from '../workspace/cancellation.ts'
import type { BlobStoreName, Run, RunName } from '../workspace/workspace.ts'
import type { BatchBoard, BatchResult, BatchWork, Claim } from './batch-board.ts'
import { BatchExecutor, type Lease } from './batch-executor.ts'
import { Bell } from './bell.ts'
import { type BlobPair, blobId } from './blob-batch.ts'
import { memoryBatchBoard } from './memory-batch-board.ts'
import { partsOf } from './paging.ts'
import { type Pass, progressed } from './pass-state.ts'
import { batchPass, type Listed, nameOf, performBatch } from './perform-batch.ts'
import { rowOf } from './run-batch.ts'
import { RunWriter } from './write-runs.ts'

export const objectsPerBatch = 100
/** Batches under way at a time in one process: one is read while others are written and proven. */
export const batchesAtOnce = 3
/** So that a worker which is ready finds the next one. */
const batchesPerWorker = 2 * batchesAtOnce

/**
 * The runs and blobs that a pass has to compare and copy, in batches: its own process performs them,
 * and every worker that looks at the same board.
 */
export class PassWork {
  readonly #pass: Pass
  readonly #board: BatchBoard
  readonly #bell = new Bell()
  readonly #writer = new RunWriter()
  readonly #open = new Map<number, { readonly work: BatchWork; readonly listed: Listed }>()
  #opened: Promise<BatchExecutor> | undefined
  #executor: BatchExecutor | undefined
  #id = ''
  #next = 1
  #late: RunName[] = []
  #failed: { readonly by: unknown } | undefined

  constructor(pass: Pass) {
    this.#pass = pass
    // A plan and a salvage are the affair of one process.
    const shared = pass.mode === 'replicate' ? pass.context.board : undefined
    this.#board = shared ?? memoryBatchBoard()
  }

  async addBlobs(store: BlobStoreName, blobs: readonly BlobPair[]): Promise<void> {
    for (const part of partsOf(blobs, objectsPerBatch))
      await this.#add(
        { of: 'blobs', store, names: part.map(([{ name }]) => name) },
        { blobs: part },
      )
  }

  async addRuns(runs: readonly Run[], targetIsEmpty: boolean): Promise<void> {
    for (const part of partsOf(runs, objectsPerBatch))
      await this.#add({ of: 'runs', runs: part.map(nameOf), targetIsEmpty }, { runs: part })
  }

  async addRunsByName(runs: readonly RunName[]): Promise<void> {
    for (const part of partsOf(runs, objectsPerBatch))
      await this.#add({ of: 'runs', runs: part, targetIsEmpty: false }, {})
  }

  /** Resolves when all that was added is dealt with; rejects with the first error of this process. */
  async settled(): Promise<void> {
    while (this.#open.size > 0) await this.#wait()
  }

  /** Runs that could not be written before another one is, since the last call. */
  takeLate(): RunName[] {
    return this.#late.splice(0)
  }

  /** Nothing is under way here when it resolves; others find at their next beat that it is over. */
  async close(): Promise<void> {
    if (this.#opened === undefined) return
    this.#pass.context.signal?.removeEventListener('abort', this.#abort)
    // Why it failed was told where it was waited for.
    const executor = await this.#opened.catch(() => undefined)
    await executor?.stop().catch(() => undefined)
    if (this.#id !== '') await this.#board.close(this.#id)
  }

  async #add(work: BatchWork, listed: Listed): Promise<void> {
    this.#opened ??= this.#begin()
    const executor = await this.#opened
    while (this.#open.size >= batchesAtOnce + batchesPerWorker * executor.workers)
      await this.#wait()
    const number = this.#next++
    this.#open.set(number, { work, listed })
    await this.#board.put(this.#id, number, work)
    executor.wake()
  }

  async #begin(): Promise<BatchExecutor> {
    const { group, plan, epoch, full = false, signal } = this.#pass.context
    const { source, target } = this.#pass.direction
    const terms = { group, plan, epoch, full, source, target }
    this.#id = await this.#board.open(terms, signal === undefined ? {} : { signal })
    const executor = new BatchExecutor({
      board: this.#board,
      by: `pass/${randomUUID()}`,
      as: { coordinates: this.#id },
      most: batchesAtOnce,
      perform: (claim, lease) => this.#perform(claim, lease),
      onSettled: () => this.#bell.ring(),
      onFailure: async (error) => this.#fail(error),
    })
    await executor.start()
    this.#executor = executor
    signal?.addEventListener('abort', this.#abort, { once: true })
    return executor
  }

  readonly #abort = (): void => {
    this.#executor?.abort(this.#pass.context.signal?.reason)
    this.#bell.ring()
  }

  async #perform(claim: Claim, lease: Lease): Promise<BatchResult> {
    // What another one has begun is to be read as it is now.
    const listed = claim.attempt === 1 ? this.#open.get(claim.number)?.listed : undefined
    const part = batchPass(this.#pass, claim, lease)
    return { late: await performBatch(part, this.#writer, claim.work, listed) }
  }

  #fail(error: unknown): never {
    this.#pass.end.set(error)
    this.#failed ??= { by: error }
    this.#bell.ring()
    throw error
  }

  /** Until something was settled or failed; what others settle is looked for now and then. */
  async #wait(): Promise<void> {
    await this.#bell.heard(this.#board.rhythm?.pollMs)
    if (this.#failed !== undefined) throw this.#failed.by
    throwIfCancelled(this.#pass.context.signal)
    for (const { number, result } of await this.#board.take(this.#id)) this.#merge(number, result)
  }

  #merge(number: number, { late, counted }: BatchResult): void {
    const batch = this.#open.get(number)
    this.#open.delete(number)
    this.#late.push(...late)
    if (batch === undefined || counted === undefined) return
    const { unproven, tally } = this.#pass
    for (const object of objectsOf(batch.work)) unproven.delete(object)
    for (const [object, state] of counted.unproven) unproven.set(object, state)
    for (const name of Object.keys(counted.tally) as (keyof typeof counted.tally)[])
      tally[name] += counted.tally[name]
    progressed(this.#pass)
  }
}

function objectsOf(work: BatchWork): string[] {
  return work.of === 'runs'
    ? work.runs.map(({ runId }) => rowOf(runId))
    : work.names.map((name) => formatObjectId(blobId(work.store, name)))
}
