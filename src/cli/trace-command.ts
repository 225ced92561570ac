import { startTracing, tracingAskedFor } from '../telemetry/start-tracing.ts'
import { inSpan, traceparent } from '../telemetry/tracing.ts'
import { version } from './version.ts'

/** They run for days: what they are asked to do has traces of its own. */
const servers: readonly string[] = ['controller', 'gateway', 'probe', 'region', 'demo']

/** Does the work of a command within a span, where the environment names a collector. */
export async function traceCommand(
  command: string | undefined,
  work: () => Promise<unknown>,
): Promise<void> {
  const asked = tracingAskedFor(process.env)
  if (asked.is === 'unsupported') process.stderr.write(`${asked.why}\n`)
  if (asked.is !== 'on' || command === undefined) return void (await work())
  const isServer = servers.includes(command)
  const service = isServer ? `holdfast-${command}` : 'holdfast'
  const stop = await startTracing({ service, version: version() })
  try {
    await (isServer ? work() : inSpan(`holdfast ${command}`, {}, work))
  } finally {
    await stop()
  }
}

export function traceHeaders(): Readonly<Record<string, string>> {
  const parent = traceparent()
  return parent === undefined ? {} : { traceparent: parent }
}
