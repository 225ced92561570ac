import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, relative, resolve } from 'node:path'
import { Command } from 'commander'
import { HoldfastError } from '../../model/errors.ts'
import { parsePlan } from '../../plan/load-plan.ts'
import { planText } from '../../plan/write-plan.ts'
import { withExamples } from '../manual.ts'
import { createOutput } from '../output.ts'
import { type OutputOptions, withOutput } from '../output-format.ts'

interface InitOptions extends OutputOptions {
  readonly primary: string
  readonly secondary: string
  readonly primaryCloud: string
  readonly secondaryCloud: string
  readonly primaryName: string
  readonly secondaryName: string
  readonly group: string
  readonly workspaceConfig?: string
  readonly gateway?: string
  readonly gatewayMatch: string
  readonly gatewayListen: string
  readonly plan: string
  readonly force?: boolean
  readonly dryRun?: boolean
}

const examples = [
  'holdfast init --primary "$EAST_ID" --secondary "$WEST_ID" --group fraud-models',
  'holdfast init --primary "$EAST_ID" --secondary "$WEST_ID" --gateway scoring --dry-run',
]

export function initCommand(): Command {
  return withOutput(withExamples(new Command('init'), examples))
    .description('write continuity.yaml for two workspaces')
    .requiredOption('--primary <arm-id>', 'workspace that serves now')
    .requiredOption('--secondary <arm-id>', 'workspace in the other region')
    .option(
      '--primary-cloud <cloud>',
      "Azure cloud or path of a local region's cloud.json",
      'AzureCloud',
    )
    .option('--secondary-cloud <cloud>', 'the same for the secondary', 'AzureCloud')
    .option('--primary-name <name>', 'member name', 'primary-region')
    .option('--secondary-name <name>', 'member name', 'secondary-region')
    .option('--group <name>', 'name of the failover group', 'default')
    .option('--workspace-config <file>', 'config.json that should follow the effective primary')
    .option('--gateway <name>', 'gateway that should follow the effective primary')
    .option('--gateway-match <glob>', 'endpoints that the gateway serves', '*')
    .option('--gateway-listen <address>', 'host:port of the gateway', '127.0.0.1:8443')
    .option('--plan <file>', 'plan file to write', 'continuity.yaml')
    .option('--force', 'replace an existing plan file')
    .option('--dry-run', 'print the plan file instead of writing it')
    .action(init)
}

async function init(options: InitOptions): Promise<void> {
  const output = createOutput(options)
  const file = resolve(options.plan)
  const text = textOf(options, dirname(file))
  // What is written must read back; a mistake in an option is named like one in the file.
  const plan = parsePlan(text, options.plan)
  if (options.dryRun) {
    output.result({ file, written: false, text }, () => text.trimEnd())
    return
  }
  if (existsSync(file) && !options.force) {
    throw new HoldfastError('usage.plan-exists', `${options.plan} exists already.`, {
      kind: 'operator',
      place: options.plan,
      hint: 'Edit it, name another file with --plan, or replace it with --force.',
    })
  }
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
  output.result({ file, written: true, group: plan.group }, () => `Wrote ${options.plan}.`)
  output.note('Next: holdfast plan   (what would be copied)')
}

function textOf(options: InitOptions, folder: string): string {
  return planText({
    group: options.group,
    members: [
      {
        name: options.primaryName,
        workspace: options.primary,
        role: 'primary',
        cloud: cloudText(options.primaryCloud, folder),
      },
      {
        name: options.secondaryName,
        workspace: options.secondary,
        role: 'secondary',
        cloud: cloudText(options.secondaryCloud, folder),
      },
    ],
    ...(options.workspaceConfig === undefined
      ? {}
      : { workspaceConfig: relativeTo(folder, options.workspaceConfig) }),
    ...(options.gateway === undefined
      ? {}
      : {
          gateway: {
            name: options.gateway,
            match: options.gatewayMatch,
            listen: options.gatewayListen,
          },
        }),
  })
}

/** Paths are given from the working folder and written from the plan's, so that both can move together. */
function cloudText(cloud: string, folder: string): string {
  return /[/\\]|\.json$/.test(cloud) ? relativeTo(folder, cloud) : cloud
}

function relativeTo(folder: string, path: string): string {
  const fromPlan = relative(folder, resolve(path))
  return fromPlan.startsWith('.') || fromPlan.startsWith('/') ? fromPlan : `./${fromPlan}`
}
