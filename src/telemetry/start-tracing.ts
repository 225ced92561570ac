import { traceWith } from './tracing.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * What the standard variables ask for. `unsupported`: a sentence for people; a recovery tool does its
 * work all the same.
 */
export function tracingAskedFor(
  env: Environment,
): { readonly is: 'off' | 'on' } | { readonly is: 'unsupported'; readonly why: string } {
  const endpoint = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || env.OTEL_EXPORTER_OTLP_ENDPOINT
  const exporter = env.OTEL_TRACES_EXPORTER || 'otlp'
  if (!endpoint || env.OTEL_SDK_DISABLED === 'true' || exporter === 'none') return { is: 'off' }
  if (exporter !== 'otlp') return unsupported('OTEL_TRACES_EXPORTER', exporter, 'otlp')
  const { OTEL_EXPORTER_OTLP_PROTOCOL: all, OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: one } = env
  const protocol = one || all || 'http/json'
  // Every receiver of OTLP over HTTP takes JSON as well.
  if (/^http\/(json|protobuf)$/.test(protocol)) return { is: 'on' }
  return unsupported('OTEL_EXPORTER_OTLP_PROTOCOL', protocol, 'http/json or http/protobuf')
}

function unsupported(name: string, value: string, known: string) {
  const why = `Nothing is traced: ${name} is '${value}', and only ${known} is supported.`
  return { is: 'unsupported', why } as const
}

/** Loads the SDK; to be called only where tracing is asked for. Returns how to end it. */
export async function startTracing(options: {
  readonly service: string
  readonly version: string
}): Promise<() => Promise<void>> {
  const { openTelemetry } = await import('./open-telemetry.ts')
  const { tracing, close } = openTelemetry(options)
  traceWith(tracing)
  return async () => {
    traceWith(undefined)
    // What could not be told is lost; that is no reason for anything to fail.
    await close().catch(() => undefined)
  }
}
