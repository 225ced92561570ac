import { HoldfastError } from '../model/errors.ts'
import type { Json } from '../model/json.ts'
import {
  cancelledRun,
  type DurableEngine,
  EngineInterruption,
  never,
  noSuchRun,
  type Procedure,
  type Settled,
  settle,
  unsettle,
} from './durable-engine.ts'

/** What survives a crash of the process: hand the same one to the next engine. */
export interface EngineRecord {
  readonly runs: Map<string, RecordedRun>
}
interface RecordedRun {
  readonly procedure: string
  readonly input: Json
  readonly steps: Map<number, { readonly name: string; readonly settled: Settled }>
  end?: Settled | 'cancelled'
}

export interface MemoryEngine extends DurableEngine {
  /** As SIGKILL: whatever runs stops where it is, nothing more is recorded, nobody is told. */
  kill(): void
}

export function engineRecord(): EngineRecord {
  return { runs: new Map() }
}

/** In one process, for tests: with the same rules as the real one, and a clock that can be steered. */
export function memoryEngine(options: {
  readonly procedures: readonly Procedure[]
  readonly record?: EngineRecord
  readonly sleep?: (milliseconds: number) => Promise<void>
}): MemoryEngine {
  const record = options.record ?? engineRecord()
  const ended = new Map<string, Promise<void>>()
  const shutdown = new AbortController()
  let dead = false

  const execute = async (id: string, run: RecordedRun): Promise<void> => {
    const procedure = options.procedures.find((each) => each.name === run.procedure)
    if (procedure === undefined) throw new Error(`no procedure ${run.procedure}`)
    let next = 0
    const end = await settle(() =>
      procedure.body(
        {
          id,
          signal: shutdown.signal,
          step: async <T extends Json>(name: string, body: () => Promise<T>): Promise<T> => {
            const number = next++
            if (dead) return never()
            if (run.end === 'cancelled') throw new EngineInterruption('cancelled')
            const known = run.steps.get(number)
            if (known !== undefined && known.name !== name) {
              throw new Error(`step ${number} was ${known.name}, now it is ${name}`)
            }
            const settled = known?.settled ?? (await settle(body))
            if (dead) return never()
            run.steps.set(number, { name, settled: structuredClone(settled) })
            return unsettle(settled) as T
          },
          sleep: async (milliseconds) => {
            next++
            await options.sleep?.(milliseconds)
            if (dead) await never()
          },
        },
        run.input,
      ),
    )
    if (dead) await never()
    run.end ??= end
  }
  const launch = (id: string, run: RecordedRun): void => {
    if (run.end !== undefined || ended.has(id)) return
    const interrupted = (error: unknown): void => {
      if (!(error instanceof EngineInterruption)) throw error
    }
    ended.set(id, execute(id, run).catch(interrupted))
  }

  return {
    start: async () => {
      for (const [id, run] of record.runs) launch(id, run)
    },
    ready: async () => undefined,
    run: async (procedure, id, input) => {
      if (dead) throw new HoldfastError('engine.stopped', 'The engine has stopped.')
      const run = record.runs.get(id) ?? { procedure, input, steps: new Map() }
      record.runs.set(id, run)
      launch(id, run)
    },
    result: async (id) => {
      const run = record.runs.get(id)
      if (run === undefined) throw noSuchRun(id)
      await ended.get(id)
      if (run.end === undefined) return never()
      if (run.end === 'cancelled') throw cancelledRun(id)
      return unsettle(run.end)
    },
    status: async (id) => {
      const run = record.runs.get(id)
      if (run === undefined) return 'absent'
      if (run.end === undefined) return 'running'
      if (run.end === 'cancelled') return 'cancelled'
      return run.end.ok ? 'done' : 'failed'
    },
    cancel: async (id) => {
      const run = record.runs.get(id)
      if (run === undefined) throw noSuchRun(id)
      run.end ??= 'cancelled'
    },
    stop: async () => {
      dead = true
      shutdown.abort()
    },
    kill: () => {
      dead = true
    },
  }
}
