import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { FastifyBaseLogger } from 'fastify'
import { BatchExecutor } from '../replication/batch-executor.ts'
import { batchesAtOnce } from '../replication/pass-work.ts'
import { postgresRecords, recordMigrations } from '../runbooks/records.ts'
import { migrate, openDatabase } from '../store/database.ts'
import { joinedPasses } from './joined-passes.ts'
import { sleepUnlessAborted } from './watch.ts'

/** After a batch that failed here, in milliseconds; others go on with it meanwhile. */
const pauseMs = 5000

export interface WorkerOptions {
  /** PostgreSQL of the controllers. */
  readonly databaseUrl: string
  readonly clock: () => Date
  readonly log: FastifyBaseLogger
}

export interface RunningWorker {
  readonly id: string
  /** Finishes the batches under way. */
  stop(): Promise<void>
}

/**
 * Performs batches of the passes of every group on one PostgreSQL. It is told nothing else: plan and
 * epoch come with the pass, and credentials from its own environment. Throws `store.unreachable`.
 */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { clock, log } = options
  const database = await openDatabase({ url: options.databaseUrl })
  const records = postgresRecords(database)
  const passes = joinedPasses(records, clock)
  const stopped = new AbortController()
  const id = `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`
  const close = async () => {
    await records.batches.leave(id)
    await passes.close()
    await database.close()
  }
  const executor = new BatchExecutor({
    board: records.batches,
    by: id,
    as: { worker: { host: hostname(), pid: process.pid } },
    most: batchesAtOnce,
    perform: async (claim, lease) => {
      log.info({ pass: claim.pass, batch: claim.number, attempt: claim.attempt }, 'begins a batch')
      return (await passes.of(claim.pass))(claim, lease)
    },
    onFailure: async (error) => {
      log.warn({ worker: id, err: error }, 'a batch failed here and is given back')
      await sleepUnlessAborted(pauseMs, stopped.signal)
    },
  })
  try {
    await migrate(database, recordMigrations)
    await executor.start()
  } catch (error) {
    await database.close()
    throw error
  }
  return {
    id,
    stop: async () => {
      stopped.abort()
      await executor.stop()
      await close()
    },
  }
}
