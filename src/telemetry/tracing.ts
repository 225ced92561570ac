import { AsyncLocalStorage } from 'node:async_hooks'

/**
 * The port "who hears what took how long". Nobody does by default, and then it costs a comparison.
 * Names, ids and codes go into spans; addresses, headers and contents, which may hold a secret, never
 * do (I9).
 */
export interface Tracing {
  inSpan<T>(name: string, options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T>
  /** W3C `traceparent` of the span under way here. */
  traceparent(): string | undefined
  /** Of the span under way here, as log collectors look for them. */
  ids(): { readonly trace_id: string; readonly span_id: string } | undefined
}

export type Attributes = Readonly<Record<string, string | number>>

export interface SpanOptions {
  /** Default: within one process. */
  readonly kind?: 'client' | 'server'
  /** `traceparent` of what caused it; default: the span under way here. */
  readonly parent?: string | undefined
  readonly attributes?: Attributes
}

export interface Span {
  note(attributes: Attributes): void
}

let tracing: Tracing | undefined

/** For whoever assembles the process. */
export function traceWith(chosen: Tracing | undefined): void {
  tracing = chosen
}

export function isTracing(): boolean {
  return tracing !== undefined
}

const unheard: Span = { note: () => undefined }

/** An error that `work` throws is noted by its code, and thrown on. */
export function inSpan<T>(
  name: string,
  options: SpanOptions,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  return tracing === undefined ? work(unheard) : tracing.inSpan(name, options, work)
}

/** Whether a span is under way here that a further one would belong to. */
export function isInSpan(): boolean {
  return tracing?.ids() !== undefined
}

export function traceparent(): string | undefined {
  return tracing?.traceparent()
}

const operations = new AsyncLocalStorage<string>()

/** What is logged meanwhile names the operation, traced or not. */
export function inOperation<T>(id: string, work: () => Promise<T>): Promise<T> {
  return operations.run(id, work)
}

/** What every line of a log says besides its own. */
export function logFields(): Readonly<Record<string, string>> {
  const operation = operations.getStore()
  return { ...(operation === undefined ? {} : { operation }), ...tracing?.ids() }
}
