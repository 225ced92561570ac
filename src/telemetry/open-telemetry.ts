import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type Context,
  defaultTextMapGetter,
  type Span as RealSpan,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { isHoldfastError } from '../model/errors.ts'
import type { SpanOptions, Tracing } from './tracing.ts'

export interface OpenTelemetryOptions {
  readonly service: string
  readonly version: string
}

/**
 * Spans that go to a collector as OTLP over HTTP; where, how many and under which name say the
 * standard variables, which the SDK reads itself. Nothing is registered for the whole process: what
 * other libraries would tell of their requests is not ours to send.
 */
export function openTelemetry({ service, version }: OpenTelemetryOptions): {
  readonly tracing: Tracing
  close(): Promise<void>
} {
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': service, 'service.version': version }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter(patience(process.env)))],
  })
  const tracer = provider.getTracer('holdfast', version)
  const current = new AsyncLocalStorage<RealSpan>()
  const contextOf = (parent: string | undefined): Context => {
    if (parent !== undefined) return contextIn(parent)
    const span = current.getStore()
    return span === undefined ? ROOT_CONTEXT : trace.setSpan(ROOT_CONTEXT, span)
  }
  return {
    tracing: {
      inSpan: async (name, { parent, kind, attributes = {} }, work) => {
        const options = { kind: kindOf(kind), attributes }
        const span = tracer.startSpan(name, options, contextOf(parent))
        try {
          return await current.run(span, () => work({ note: (more) => span.setAttributes(more) }))
        } catch (error) {
          // The code and not the sentence, which may name what others call their things.
          const code = isHoldfastError(error) ? error.code : 'unexpected'
          span.setAttribute('error.type', code)
          span.setStatus({ code: SpanStatusCode.ERROR, message: code })
          throw error
        } finally {
          span.end()
        }
      },
      traceparent: () => {
        const span = current.getStore()
        return span && textOf(span)
      },
      ids: () => {
        const { traceId, spanId } = current.getStore()?.spanContext() ?? {}
        if (traceId === undefined || spanId === undefined) return undefined
        return { trace_id: traceId, span_id: spanId }
      },
    },
    close: () => provider.shutdown(),
  }
}

/** A collector that does not answer holds no command up for longer, unless somebody says so. */
function patience(env: NodeJS.ProcessEnv): { readonly timeoutMillis?: number } {
  const isSaid = env.OTEL_EXPORTER_OTLP_TIMEOUT || env.OTEL_EXPORTER_OTLP_TRACES_TIMEOUT
  return isSaid ? {} : { timeoutMillis: 2000 }
}

const propagator = new W3CTraceContextPropagator()

/** Nonsense, which anybody may send, begins a trace of its own. */
function contextIn(traceparent: string): Context {
  return propagator.extract(ROOT_CONTEXT, { traceparent }, defaultTextMapGetter)
}

function textOf(span: RealSpan): string | undefined {
  const carrier: { traceparent?: string } = {}
  propagator.inject(trace.setSpan(ROOT_CONTEXT, span), carrier, {
    set: (into, key, value) => {
      if (key === 'traceparent') into.traceparent = value
    },
  })
  return carrier.traceparent
}

function kindOf(kind: SpanOptions['kind']): SpanKind {
  if (kind === undefined) return SpanKind.INTERNAL
  return kind === 'client' ? SpanKind.CLIENT : SpanKind.SERVER
}
