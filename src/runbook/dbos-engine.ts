import { DBOS, type DLogger } from '@dbos-inc/dbos-sdk'
import type pg from 'pg'
import type { Json } from '../model/json.ts'
import { withClient } from '../store/database.ts'
import { executorsOf, schemaName, takeRuns, versionOfOne } from './dbos-runs.ts'
import {
  cancelledRun,
  type DurableEngine,
  EngineInterruption,
  never,
  noSuchRun,
  type Procedure,
  type ProcedureContext,
  type Settled,
  settle,
  unsettle,
} from './durable-engine.ts'
import type { SharedRuns } from './take-over.ts'

/**
 * Recorded with every run; a run of another version is left alone for ever. The default is a hash of
 * the code, so that any upgrade would strand a failover under way. Raise it only with a migration of
 * the runs that are open.
 */
const applicationVersion = '1'

export interface DbosEngineOptions {
  /** PostgreSQL; `Database.url`. */
  readonly url: string
  /** All that this process can run; a run of an unknown procedure is left to others. */
  readonly procedures: readonly Procedure[]
  /** Stays the same over restarts of one controller, differs between controllers. */
  readonly executorId: string
  /**
   * Performs only the runs that it is asked for, as a command does, and touches the engine's tables
   * only then. The executor's id must be its own. Default: whatever its executor left is taken up.
   */
  readonly onlyAsked?: boolean
  /** Runs of another scope are left alone: one PostgreSQL may serve several groups. Default: none. */
  readonly scope?: string
  /** Diagnostics of DBOS. Default: dropped; they repeat what runs and results say. */
  readonly onLog?: (level: 'info' | 'warn' | 'error', message: string) => void
}

/** DBOS keeps its state in static fields: one engine per process at a time. */
export function dbosEngine(options: DbosEngineOptions): DurableEngine & SharedRuns {
  const { onlyAsked = false, executorId, scope } = options
  const shared = [applicationVersion, ...(scope ? [scope] : [])].join('/')
  // DBOS gives nobody else's runs to a process of a version of its own.
  const version = onlyAsked ? versionOfOne(shared, executorId) : shared
  const asked = new Set<string>()
  const left = { version: shared, ...(onlyAsked && { only: asked }) }
  const shutdown = new AbortController()
  let launched: Promise<void> | undefined
  const workflows = new Map<string, (input: Json) => Promise<Settled>>()

  /**
   * A step that fails because we shut down has not failed: recording it would turn a restart of the
   * controller into a failed failover. It never ends here and runs again in the next process.
   */
  const unlessStopping = async (body: () => Promise<Json>): Promise<Settled> => {
    if (shutdown.signal.aborted) return never()
    const settled = await settle(body)
    return shutdown.signal.aborted && !settled.ok ? never() : settled
  }

  const register = (procedure: Procedure): void => {
    const context = (): ProcedureContext => ({
      id: DBOS.workflowID ?? '',
      signal: shutdown.signal,
      step: async <T extends Json>(name: string, body: () => Promise<T>) =>
        unsettle(await uninterrupted(DBOS.runStep(() => unlessStopping(body), { name }))) as T,
      sleep: (milliseconds) => uninterrupted(DBOS.sleepms(milliseconds)),
    })
    const workflow = async (input: Json): Promise<Settled> => {
      try {
        return await unlessStopping(() => procedure.body(context(), input))
      } catch (error) {
        throw error instanceof EngineInterruption ? error.cause : error
      }
    }
    workflows.set(
      procedure.name,
      DBOS.registerWorkflow(workflow, {
        name: procedure.name,
        // The default gives up after 100 restarts; a failover is never given up.
        maxRecoveryAttempts: 1_000_000,
      }),
    )
  }

  const launch = (): Promise<void> => {
    launched ??= (async () => {
      DBOS.setConfig({
        name: 'holdfast',
        systemDatabaseUrl: withIdleTransactionLimit(options.url),
        systemDatabaseSchemaName: schemaName,
        applicationVersion: version,
        executorID: executorId,
        logger: dbosLogger(options.onLog),
      })
      for (const procedure of options.procedures) register(procedure)
      await inTurns(options.url, () => DBOS.launch())
    })()
    return launched
  }

  return {
    start: async () => {
      if (!onlyAsked) await launch()
    },
    // Its migrations make indexes concurrently, which wait for every open transaction.
    ready: launch,
    run: async (procedure, id, input) => {
      await launch()
      const workflow = workflows.get(procedure)
      if (workflow === undefined) throw new Error(`no procedure ${procedure}`)
      asked.add(id)
      await DBOS.startWorkflow(workflow, { workflowID: id })(input)
    },
    result: async (id) => {
      await launch()
      const status = await DBOS.getWorkflowStatus(id)
      if (status === null) throw noSuchRun(id)
      if (status.status === 'CANCELLED') throw cancelledRun(id)
      const settled = await DBOS.retrieveWorkflow(id).getResult({ pollingIntervalMs: 50 })
      return unsettle(settled as Settled)
    },
    status: async (id) => {
      await launch()
      const status = await DBOS.getWorkflowStatus(id)
      if (status === null) return 'absent'
      switch (status.status) {
        case 'SUCCESS':
          return (status.output as Settled).ok ? 'done' : 'failed'
        case 'CANCELLED':
          return 'cancelled'
        case 'ERROR':
        case 'MAX_RECOVERY_ATTEMPTS_EXCEEDED':
          return 'failed'
        default:
          return 'running'
      }
    },
    cancel: (id) => DBOS.cancelWorkflow(id),
    executors: async () => {
      if (onlyAsked && asked.size === 0) return []
      return withClient({ connectionString: options.url }, (client) => executorsOf(client, left))
    },
    adopt: async (executors) => {
      let ids: readonly string[] = []
      // In turns: what somebody else has just adopted is theirs.
      await inTurns(options.url, async (client) => {
        ids = await takeRuns(client, left, executors, { executorId, version })
        if (ids.length > 0) await DBOS.resumeWorkflows([...ids])
      })
      return ids
    },
    stop: async () => {
      shutdown.abort()
      if (launched === undefined) return
      await launched.catch(() => undefined) // whoever launched has been told
      await DBOS.shutdown({ deregister: true })
    },
  }
}

/** Bodies are settled, so what rejects here comes from DBOS itself. */
async function uninterrupted<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (cause) {
    throw new EngineInterruption('the engine interrupted the run', { cause })
  }
}

/**
 * DBOS wants this limit. Left to itself it sets it by a query that overlaps the pool's first one,
 * about which Node warns on stderr; as an option of the connection it needs no query.
 */
function withIdleTransactionLimit(text: string): string {
  const url = new URL(text)
  const given = url.searchParams.get('options')
  const limit = '-c idle_in_transaction_session_timeout=60000'
  url.searchParams.set('options', given === null ? limit : `${limit} ${given}`)
  // URLSearchParams writes a space as +, which PostgreSQL's URL form does not know.
  url.search = url.search.replaceAll('+', '%20')
  return url.href
}

/** Launching creates or changes tables; two processes that do so at once make one of them fail. So does adopting. */
async function inTurns(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  await withClient({ connectionString: url }, async (client) => {
    await client.query('select pg_advisory_lock($1)', [launchLock])
    await work(client)
  })
}

/** Any constant serves, if nobody else uses it: "DBOS" in ASCII. */
const launchLock = 0x44424f53

/** DBOS writes to the console by default, which belongs to the command's own output. */
function dbosLogger(onLog: DbosEngineOptions['onLog']): DLogger {
  const at = (level: 'info' | 'warn' | 'error') => (entry: unknown) => onLog?.(level, String(entry))
  return { info: at('info'), debug: () => undefined, warn: at('warn'), error: at('error') }
}
