import { parseArgs } from 'node:util'
import { pino } from 'pino'
import { RegionError } from './region-error.ts'
import { startRegion } from './start-region.ts'

/** Runs one region as a process: prints one JSON line when it is ready, ends on SIGTERM or SIGINT. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      name: { type: 'string' },
      data: { type: 'string' },
      port: { type: 'string', default: '0' },
      'storage-port': { type: 'string' },
      'ca-dir': { type: 'string' },
      host: { type: 'string' },
    },
  })
  if (!values.name || !values.data)
    throw new RegionError(
      'region.usage',
      'A region needs a name and a data directory.',
      'Give --name eastus --data DIR.',
    )
  const region = await startRegion({
    name: values.name,
    dataDir: values.data,
    port: portOf(values.port),
    ...(values['storage-port'] && { storagePort: portOf(values['storage-port']) }),
    ...(values['ca-dir'] && { caDir: values['ca-dir'] }),
    ...(values.host && { host: values.host }),
    log: pino({ level: process.env.HOLDFAST_REGION_LOG ?? 'warn' }, pino.destination(2)),
  })
  const { stop, look: _look, ...facts } = region
  process.stdout.write(`${JSON.stringify(facts)}\n`)
  let isStopping = false
  const end = () => {
    if (isStopping) return
    isStopping = true
    stop().then(() => process.exit(0), fail)
  }
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
}

function portOf(text: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw new RegionError('region.usage', `'${text}' is not a port.`, 'Give a number up to 65535.')
}

function fail(error: unknown): void {
  const text =
    error instanceof RegionError
      ? `${error.code}: ${error.message} ${error.hint}`
      : error instanceof Error
        ? error.stack
        : String(error)
  process.stderr.write(`${text}\n`)
  process.exit(1)
}

main().catch(fail)
