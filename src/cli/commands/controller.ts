import { type Command, Option } from 'commander'
import { type AccessFlags, accessOf, withAccessOptions } from '../access-options.ts'
import { stateDirOf } from '../connect.ts'
import { durationWithDefault } from '../duration-option.ts'
import { type GroupOptions, groupCommand } from '../group-command.ts'
import { listenAddress } from '../listen-address.ts'
import { openController } from '../open-controller.ts'
import { createOutput } from '../output.ts'
import { untilStopped } from '../until-stopped.ts'

interface ControllerCommandOptions extends Omit<GroupOptions, 'server'>, AccessFlags {
  readonly listen: { readonly host: string; readonly port: number }
  readonly syncEvery: number
  readonly probeEvery: number
  readonly reconcileEvery: number
  readonly exitWithParent?: boolean
}

export function controllerCommand(): Command {
  const command = groupCommand(
    'controller',
    'run the controller of the plan: it probes, replicates, fails over, serves API and console',
    [
      'holdfast controller',
      'holdfast controller --listen 127.0.0.1:7420 --sync-every 1m',
      'holdfast controller --public-url https://holdfast.example.com --oidc-issuer https://login.microsoftonline.com/TENANT/v2.0 --oidc-client-id CLIENT --roles roles.yaml',
    ],
    { server: false },
  )
    .addOption(
      new Option('--listen <host:port>', 'address of API and console')
        .argParser(listenAddress)
        .default({ host: '127.0.0.1', port: 7420 }, '127.0.0.1:7420'),
    )
    .addOption(durationWithDefault('--sync-every <duration>', 'from one pass to the next', 60_000))
    .addOption(
      durationWithDefault(
        '--reconcile-every <duration>',
        'from one full pass to the next: it also sees deletions and edits of old runs',
        3_600_000,
      ),
    )
    .addOption(
      durationWithDefault('--probe-every <duration>', 'from one round of probes to the next', 5000),
    )
    .option('--exit-with-parent', 'end when standard input closes')
  return withAccessOptions(command).action(run)
}

async function run(options: ControllerCommandOptions): Promise<void> {
  const output = createOutput(options)
  const stopped = untilStopped(options)
  const controller = await openController({
    plan: options.plan,
    stateDir: stateDirOf(options),
    listen: options.listen,
    ...(options.publicUrl === undefined ? {} : { publicUrl: options.publicUrl }),
    access: await accessOf(options),
    syncEveryMs: options.syncEvery,
    reconcileEveryMs: options.reconcileEvery,
    probeEveryMs: options.probeEvery,
    logLevel: 'warn',
  })
  const link = controller.consoleLink()
  output.result({ url: controller.url, pid: process.pid, console: link }, () =>
    [`Controller listens on ${controller.url}`, `Console (opens once): ${link}`].join('\n'),
  )
  const why = await stopped
  output.note(`Controller is stopping (${why}); what is under way goes on at its next start.`)
  await controller.close()
}
