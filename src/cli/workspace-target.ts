import type { Command } from 'commander'
import { HoldfastError } from '../model/errors.ts'
import { loadPlan } from '../plan/load-plan.ts'

/** How a command that works on one workspace directly says which. */
export interface TargetOptions {
  readonly plan: string
  readonly member?: string
  readonly workspace?: string
  readonly cloud: string
}

interface Target {
  readonly name: string
  readonly workspaceId: string
  readonly cloud: string
  /** Relative cloud paths start here. */
  readonly folder: string
}

export function withTargetOptions(command: Command): Command {
  return command
    .option('--plan <file>', 'plan file that names the members', 'continuity.yaml')
    .option('--member <name>', 'member of the plan; default: the primary')
    .option('--workspace <arm-id>', 'this workspace, without a plan')
    .option(
      '--cloud <cloud>',
      "with --workspace: Azure cloud or a local region's cloud.json",
      'AzureCloud',
    )
}

export async function openTarget(options: TargetOptions) {
  const [target, { openAzureMlWorkspace }] = await Promise.all([
    targetOf(options),
    import('../workspace/azureml/azureml-workspace.ts'),
  ])
  return openAzureMlWorkspace(target)
}

async function targetOf(options: TargetOptions): Promise<Target> {
  if (options.workspace !== undefined) {
    return {
      name: options.workspace.split('/').at(-1) ?? 'workspace',
      workspaceId: options.workspace,
      cloud: options.cloud,
      folder: process.cwd(),
    }
  }
  const plan = await loadPlan(options.plan)
  const member = plan.members.find((m) =>
    options.member === undefined ? m.role === 'primary' : m.name === options.member,
  )
  if (member === undefined) {
    throw new HoldfastError('usage.unknown-member', `the plan has no member '${options.member}'`, {
      kind: 'operator',
      place: options.plan,
      hint: `Name one of: ${plan.members.map((m) => m.name).join(', ')}.`,
    })
  }
  return {
    name: member.name,
    workspaceId: member.workspace,
    cloud: member.cloud,
    folder: plan.folder,
  }
}
