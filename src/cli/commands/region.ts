import { rmSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Command, InvalidArgumentError, Option } from 'commander'
import { HoldfastError } from '../../model/errors.ts'
import { isAlive, pidFile, readCloudFile, regionPid } from '../local-region.ts'
import { withExamples } from '../manual.ts'
import { createOutput } from '../output.ts'
import { type OutputOptions, withOutput } from '../output-format.ts'
import { regionVariables, renderEnvironment, type Shell, shells } from '../region-env.ts'
import { untilStopped } from '../until-stopped.ts'
import { regionCoverageCommand } from './region-coverage.ts'
import { regionFaultCommand } from './region-fault.ts'

export function regionCommand(): Command {
  const data = () => new Option('--data <dir>', "the region's data directory").makeOptionMandatory()
  const region = new Command('region').description('run local regions')
  region
    .command('start')
    .description('run a local region in the foreground, until Ctrl-C')
    .requiredOption('--name <region>', 'region name as Azure writes it, e.g. eastus')
    .addOption(data())
    .option('--port <number>', 'ARM, authority, data plane and scoring; 0: any free one', port, 0)
    .option('--storage-port <number>', 'Blob service; default: the port after --port', port)
    .option(
      '--host <address>',
      'IP address to listen on and to be known by; default: loopback, as localhost',
      address,
    )
    .option('--ca-dir <dir>', 'local CA to share with other regions')
    .option('--exit-with-parent', 'end when standard input closes')
    .option('--log-level <level>', "the region's log on stderr", 'warn')
    .action(start)
  region.command('stop').description('end a local region cleanly').addOption(data()).action(stop)
  region
    .command('env')
    .description('print what a shell needs so that Azure clients use the region')
    .addOption(data())
    .addOption(
      new Option('--shell <shell>', 'how to write it; a dotenv file holds the client secret')
        .choices(shells)
        .default('bash'),
    )
    .option(
      '--workspace <id>',
      "also print MLflow's tracking URI of the workspace with this ARM id",
    )
    .action(env)
  for (const each of region.commands) withOutput(each)
  region.addCommand(regionFaultCommand())
  region.addCommand(regionCoverageCommand())
  return withExamples(region, [
    'holdfast region start --name eastus --data ./east',
    'eval "$(holdfast region env --data ./east)"',
    'holdfast region stop --data ./east',
  ])
}

function port(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value < 65_536) return value
  throw new InvalidArgumentError('A port is a number from 0 to 65535.')
}

function address(text: string): string {
  if (isIP(text) !== 0 && text !== '0.0.0.0' && text !== '::') return text
  throw new InvalidArgumentError('Write one IP address of this machine, by which clients reach it.')
}

interface StartOptions extends OutputOptions {
  readonly name: string
  readonly data: string
  readonly port: number
  readonly storagePort?: number
  readonly host?: string
  readonly caDir?: string
  readonly exitWithParent?: boolean
  readonly logLevel: string
}

async function start(options: StartOptions): Promise<void> {
  const output = createOutput(options)
  const [{ pino }, { startRegion }] = await Promise.all([
    import('pino'),
    import('../../region/start-region.ts'),
  ])
  const region = await startRegion({
    name: options.name,
    dataDir: options.data,
    port: options.port,
    ...(options.storagePort === undefined ? {} : { storagePort: options.storagePort }),
    ...(options.host === undefined ? {} : { host: options.host }),
    ...(options.caDir === undefined ? {} : { caDir: options.caDir }),
    log: pino({ level: options.logLevel }, process.stderr),
  }).catch(translate)
  const stopped = untilStopped(options)
  writeFileSync(pidFile(options.data), `${process.pid}\n`, { mode: 0o600 })
  const { stop: stopRegion, ...facts } = region
  output.result(
    { ...facts, pid: process.pid },
    () =>
      `Region ${region.name} is ready.\n  resource manager  ${region.origin}\n  storage           ${region.storageOrigin}\n  cloud file        ${region.cloudFile}`,
  )
  const why = await stopped
  output.note(`Region ${region.name} is stopping (${why}).`)
  await stopRegion()
  rmSync(pidFile(options.data), { force: true })
  // A job or deployment process may still hold a handle; nothing of ours is left to do.
  process.exit(0)
}

/** A region knows nothing of Holdfast's errors; its own carry code and hint as well. */
function translate(error: unknown): never {
  if (error instanceof Error && 'code' in error && 'hint' in error) {
    throw new HoldfastError(String(error.code), error.message, {
      kind: 'operator',
      hint: String(error.hint),
      cause: error,
    })
  }
  throw error
}

async function stop(options: OutputOptions & { readonly data: string }): Promise<void> {
  const output = createOutput(options)
  const { name } = readCloudFile(options.data)
  const pid = regionPid(options.data)
  if (pid === undefined) {
    output.result({ name, stopped: false }, () => `Region ${name} is not running.`)
    return
  }
  process.kill(pid, 'SIGTERM')
  const giveUpAt = Date.now() + 30_000
  while (isAlive(pid)) {
    if (Date.now() > giveUpAt) {
      throw new HoldfastError('region.does-not-stop', `Region ${name} is still running.`, {
        kind: 'unknown-outcome',
        hint: `Look at process ${pid}; a region that is killed loses nothing: kill -9 ${pid}`,
      })
    }
    await delay(50)
  }
  output.result({ name, stopped: true }, () => `Region ${name} is stopped.`)
}

interface EnvOptions extends OutputOptions {
  readonly data: string
  readonly shell: Shell
  readonly workspace?: string
}

function env(options: EnvOptions): void {
  const cloud = readCloudFile(options.data)
  const { clientSecretFile } = cloud
  const variables = regionVariables(cloud, options.workspace)
  const { shell, ...how } = options
  if (shell === 'json' || how.output !== 'table') {
    createOutput(shell === 'json' ? { json: true } : how).result(
      { ...variables, clientSecretFile },
      String,
    )
    return
  }
  createOutput({}).result(variables, () => renderEnvironment(shell, variables, clientSecretFile))
}
