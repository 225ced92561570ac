import { HoldfastError, isHoldfastError } from '../model/errors.ts'
import type { Json } from '../model/json.ts'
import type { RunError } from './run-state.ts'

/**
 * The port "durable work": procedures that end although the process that began them dies (D3).
 *
 * - A procedure is run again from its start after a crash; steps that were recorded give their
 *   recorded result, so its body between steps must be deterministic.
 * - A step's result is recorded once, but its body may run again when the process died before the
 *   record: bodies look before they act (D8).
 * - Inputs and results are JSON.
 */
export interface DurableEngine {
  /** Takes up what a former process of the same executor left unfinished. */
  start(): Promise<void>
  /** Makes it ready for `run`; that may take a moment and must not be waited for inside a transaction. */
  ready(): Promise<void>
  /** Resolves when the run is recorded, not when it ends. The same id is the same run. */
  run(procedure: string, id: string, input: Json): Promise<void>
  /** Waits for the end. Throws what the procedure threw, `engine.no-such-run`, `engine.cancelled`. */
  result(id: string): Promise<Json>
  status(id: string): Promise<EngineStatus>
  /** No further step begins. */
  cancel(id: string): Promise<void>
  /** Begins no step and records nothing any more; unfinished runs wait for the next `start`. */
  stop(): Promise<void>
}

export type EngineStatus = 'absent' | 'running' | 'done' | 'failed' | 'cancelled'

export interface Procedure {
  /** Recorded with every run, so it is never renamed. */
  readonly name: string
  body(context: ProcedureContext, input: Json): Promise<Json>
}

export interface ProcedureContext {
  readonly id: string
  /** Aborts when this process stops the engine. */
  readonly signal: AbortSignal
  step<T extends Json>(name: string, body: () => Promise<T>): Promise<T>
  /** Survives restarts: the time of waking up is recorded. */
  sleep(milliseconds: number): Promise<void>
}

/** Engines keep results as data, so that an error has its code after a restart, too. */
export type Settled =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly error: RunError }

/**
 * The engine itself took the run out of our hands (cancelled, or another process owns it now). The
 * procedure has not failed and must let this pass.
 */
export class EngineInterruption extends Error {
  override readonly name = 'EngineInterruption'
}

export async function settle(body: () => Promise<Json>): Promise<Settled> {
  try {
    return { ok: true, value: await body() }
  } catch (error) {
    if (error instanceof EngineInterruption) throw error
    return { ok: false, error: toRunError(error) }
  }
}

export function unsettle(settled: Settled): Json {
  if (settled.ok) return settled.value
  const { code, message, kind, hint } = settled.error
  throw new HoldfastError(code, message, { kind, ...(hint === null ? {} : { hint }) })
}

export function toRunError(error: unknown): RunError {
  if (isHoldfastError(error)) {
    const { code, message, kind, hint } = error
    return { code, message, kind, hint: hint ?? null }
  }
  const message = error instanceof Error ? error.message : String(error)
  return { code: 'internal.unexpected', message, kind: 'permanent', hint: null }
}

export function noSuchRun(id: string): HoldfastError {
  return new HoldfastError('engine.no-such-run', `There is no run '${id}'.`)
}

export function cancelledRun(id: string): HoldfastError {
  return new HoldfastError('engine.cancelled', `The run '${id}' was cancelled.`, {
    kind: 'cancelled',
  })
}

/** What a dead process does next: nothing, for ever. */
export function never<T>(): Promise<T> {
  return new Promise<T>(() => undefined)
}
