import { Argument, Command, InvalidArgumentError, Option } from 'commander'
import { type Fault, type FaultKind, faultKinds, faultServices } from '../../region/faults/fault.ts'
import { durationOption } from '../duration-option.ts'
import { withExamples } from '../manual.ts'
import { createOutput } from '../output.ts'
import { type OutputOptions, withOutput } from '../output-format.ts'
import { openRegionAdmin, type RegionAdmin } from '../region-admin.ts'

/** `holdfast region fault`: puts a running region into trouble, for drills and tests. */
export function regionFaultCommand(): Command {
  const data = () => new Option('--data <dir>', "the region's data directory").makeOptionMandatory()
  const fault = new Command('fault').description('put a running region into trouble, or out of it')
  fault
    .command('add')
    .description('begin a fault')
    .addArgument(new Argument('<kind>', 'what goes wrong').choices(Object.keys(faultKinds)))
    .addOption(data())
    .addOption(
      new Option('--service <service>', 'only requests of this service').choices(faultServices),
    )
    .addOption(
      new Option('--path <pattern>', 'only requests whose path and query match').conflicts(
        'service',
      ),
    )
    .option('--share <number>', 'of those requests, 0 to 1', decimal)
    .option('--for <duration>', 'end by itself after this time, e.g. 30s', durationOption)
    .option('--latency <duration>', 'slow: what is added to each answer', durationOption)
    .option('--retry-after <seconds>', 'throttle, unavailable: when to come back', decimal)
    .option('--operations-take <duration>', 'slowOperations: how long they take', durationOption)
    .option('--skew <seconds>', 'clockSkew: how far ahead the clock is; may be negative', decimal)
    .option('--origin <address>', 'cutOff: what the region cannot reach')
    .addHelpText('after', () => `\nKinds:\n${kindLines()}`)
    .action(add)
  fault.command('list').description('the faults a region has now').addOption(data()).action(list)
  fault
    .command('lift')
    .description('end one fault, or all of them')
    .argument('[id]', 'as `list` shows it; all when left out')
    .addOption(data())
    .action(lift)
  for (const each of fault.commands) withOutput(each, { rows: each.name() === 'list' })
  return withExamples(fault, [
    'holdfast region fault add down --data ./east --for 5m',
    'holdfast region fault add throttle --data ./east --service arm --share 0.2',
    'holdfast region fault list --data ./east -o csv',
    'holdfast region fault lift --data ./east',
  ])
}

const kindLines = () =>
  Object.entries(faultKinds)
    .map(([kind, { what }]) => `  ${kind.padEnd(16)}${what}`)
    .join('\n')

function decimal(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value)) return value
  throw new InvalidArgumentError('Write a number.')
}

interface Common extends OutputOptions {
  readonly data: string
}
interface AddOptions extends Common {
  readonly service?: string
  readonly path?: string
  readonly share?: number
  readonly for?: number
  readonly latency?: number
  readonly retryAfter?: number
  readonly operationsTake?: number
  readonly skew?: number
  readonly origin?: string
}

async function add(kind: FaultKind, options: AddOptions): Promise<void> {
  const { service, path } = options
  const wanted = {
    kind,
    scope: service !== undefined ? { service } : path !== undefined ? { path } : undefined,
    share: options.share,
    durationMs: options.for,
    latencyMs: options.latency,
    retryAfterSeconds: options.retryAfter,
    operationMs: options.operationsTake,
    skewSeconds: options.skew,
    origin: options.origin,
  }
  await asked(options, async (admin) => {
    const fault = (await admin.call('POST', '/faults', wanted)) as Fault
    createOutput(options).result(
      fault,
      () => `${line(fault)}\nLift it: ${liftCommand(options, fault)}`,
    )
  })
}

const liftCommand = ({ data }: Common, { id }: Fault) =>
  `holdfast region fault lift ${id} --data ${data}`

const list = (options: Common): Promise<void> =>
  asked(options, async (admin) => {
    const { value } = (await admin.call('GET', '/faults')) as { value: Fault[] }
    createOutput(options).result(
      value,
      () => value.map(line).join('\n') || 'No faults.',
      () => value,
    )
  })

const lift = (id: string | undefined, options: Common): Promise<void> =>
  asked(options, async (admin) => {
    await admin.call('DELETE', id === undefined ? '/faults' : `/faults/${encodeURIComponent(id)}`)
    createOutput(options).result({ lifted: id ?? 'all' }, () => `Lifted ${id ?? 'all faults'}.`)
  })

async function asked(options: Common, work: (admin: RegionAdmin) => Promise<void>): Promise<void> {
  const admin = await openRegionAdmin(options.data)
  await work(admin).finally(() => admin.close())
}

function line({ id, kind, scope, share, endsAt }: Fault): string {
  const where =
    scope === 'region' ? 'the region' : 'service' in scope ? scope.service : `path ${scope.path}`
  const part = share === 1 ? '' : `, ${share * 100} % of requests`
  return `${id}  ${kind} of ${where}${part}, ${endsAt === undefined ? 'until lifted' : `until ${endsAt}`}`
}
