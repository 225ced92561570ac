import type { Command } from 'commander'
import { pino } from 'pino'
import { HoldfastError } from '../../model/errors.ts'
import type { ContinuityPlan } from '../../plan/continuity-plan.ts'
import type { StableEndpointPlan } from '../../plan/endpoint-schema.ts'
import { loadPlan } from '../../plan/load-plan.ts'
import { pointerFile } from '../../traffic/gateway/pointer-file.ts'
import { startGateway } from '../../traffic/gateway/start-gateway.ts'
import { stateDirOf } from '../connect.ts'
import { type GroupOptions, groupCommand } from '../group-command.ts'
import { listenAddress } from '../listen-address.ts'
import { logTo } from '../log.ts'
import { createOutput } from '../output.ts'
import { untilStopped } from '../until-stopped.ts'

interface GatewayCommandOptions extends Omit<GroupOptions, 'server'> {
  readonly name?: string
  readonly listen?: { readonly host: string; readonly port: number }
  readonly accessLog?: string
  readonly exitWithParent?: boolean
}

export function gatewayCommand(): Command {
  return groupCommand(
    'gateway',
    'run the gateway of the plan: one scoring address that follows the effective primary',
    ['holdfast gateway', 'holdfast gateway --name scoring --json'],
    { server: false },
  )
    .option('--name <gateway>', 'which one, when the plan names several')
    .option(
      '--listen <host:port>',
      'another address than in the plan; a failover verifies the one in the plan',
      listenAddress,
    )
    .option('--access-log <file>', 'append one JSON line for each request; - for standard error')
    .option('--exit-with-parent', 'end when standard input closes')
    .action(run)
}

async function run(options: GatewayCommandOptions): Promise<void> {
  const output = createOutput(options)
  const stopped = untilStopped(options)
  const endpoint = gatewayOf(await loadPlan(options.plan), options)
  const { listen } = options
  const log = logTo('warn')
  const access = options.accessLog === undefined ? undefined : openAccessLog(options.accessLog)
  const gateway = await startGateway({
    name: endpoint.name,
    listen: listen === undefined ? endpoint.listen : `${bracketed(listen.host)}:${listen.port}`,
    pointerFile: pointerFile(stateDirOf(options), endpoint.name),
    mostInFlight: endpoint.maxInFlight,
    ...(access && { access: access.write }),
    log,
  })
  const { origin } = gateway
  output.result(
    { name: endpoint.name, origin, pid: process.pid },
    () => `Gateway ${endpoint.name} listens on ${origin}`,
  )
  const why = await stopped
  output.note(`Gateway ${endpoint.name} is stopping (${why}).`)
  await gateway.stop()
  access?.close()
}

/** Written in blocks, because a gateway must not wait for a disk at every request. */
function openAccessLog(file: string) {
  const destination = pino.destination(
    file === '-' ? { dest: 2, sync: false } : { dest: file, mkdir: true, sync: false },
  )
  const logger = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination)
  return {
    write: (entry: object) => logger.info(entry),
    close: () => destination.end(),
  }
}

const bracketed = (host: string) => (host.includes(':') ? `[${host}]` : host)

type GatewayPlan = Extract<StableEndpointPlan, { type: 'gateway' }>

function gatewayOf(plan: ContinuityPlan, options: GatewayCommandOptions): GatewayPlan {
  const gateways = plan.endpoints.filter((each): each is GatewayPlan => each.type === 'gateway')
  const names = gateways.map(({ name }) => name).join(', ')
  if (gateways.length === 0) {
    throw new HoldfastError('usage.no-gateway', 'The plan names no gateway.', {
      kind: 'operator',
      place: options.plan,
      hint: 'Add one below `endpoints`: - { gateway: scoring, match: "*" }',
    })
  }
  const wanted = gateways.filter(({ name }) => options.name === undefined || name === options.name)
  const [gateway] = wanted
  if (gateway !== undefined && wanted.length === 1) return gateway
  throw new HoldfastError(
    'usage.which-gateway',
    options.name === undefined
      ? 'The plan names several gateways.'
      : `The plan has no gateway '${options.name}'.`,
    { kind: 'operator', place: options.plan, hint: `Name one with --name: ${names}` },
  )
}
