import { stringify } from 'yaml'

export interface NewPlan {
  readonly group: string
  readonly members: readonly {
    readonly name: string
    /** ARM id. */
    readonly workspace: string
    readonly role: 'primary' | 'secondary'
    /** As it should stand in the file; `AzureCloud` is left out. */
    readonly cloud: string
  }[]
  /** Path of a workspace config file that should follow the effective primary. */
  readonly workspaceConfig?: string
  readonly gateway?: { readonly name: string; readonly match: string; readonly listen: string }
}

/** The text that `holdfast init` writes: every section, with what it means and what it defaults to. */
export function planText(plan: NewPlan): string {
  return `# The continuity plan of a failover group: which workspaces belong together, how much may be
# lost, and what stands ready at the other side. Check it with \`holdfast plan\`.
apiVersion: holdfast/v1
group: ${scalar(plan.group)}

# What you promise: time to be back (rto) and how much work may be lost (rpo).
objectives: { rto: 15m, rpo: 5m }

# One primary, where writes go when nothing is wrong, and one secondary in another region.
members:
${plan.members.map(memberText).join('')}
# What stands ready at the secondary. Later lines win. Defaults: hot-hot for online endpoints,
# hot-warm for assets, hot-cold for jobs and schedules.
strategies: []
#  - { kind: online-endpoint, name: "fraud-*", strategy: hot-hot }
#  - { kind: model, name: "experimental-*", strategy: hot-cold }

# What goes first in a pass, the first line before the second. What others refer to goes before them
# all the same, and what open jobs need goes before everything.
priority: []
#  - { kind: experiment, name: "fraud-*" }   # with its runs
#  - { kind: blob, name: "workspaceblobstore/models/fraud/**" }

# What has another name at the secondary.
map: {}
#  compute: { gpu-east: gpu-west }

# Addresses that outlive a region: a config.json that your code reads, a gateway for requests.
endpoints:${endpointsText(plan)}

# Interrupted jobs: 'checkpointed' runs those again that wrote a checkpoint; 'all'; 'none'.
jobs: { resubmit: checkpointed }

# Failing over is one command by a human unless automatic is true.
decide: { automatic: false, grace: 10m, cooldown: 1h }

# Rehearse this often.
drill: { every: 90d }
`
}

function memberText(member: NewPlan['members'][number]): string {
  const lines = [
    `  ${scalar(member.name)}:`,
    `    workspace: ${scalar(member.workspace)}`,
    ...(member.role === 'primary' ? ['    role: primary'] : []),
    ...(member.cloud === 'AzureCloud' ? [] : [`    cloud: ${scalar(member.cloud)}`]),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

function endpointsText(plan: NewPlan): string {
  const entries: string[] = []
  if (plan.workspaceConfig !== undefined) {
    entries.push(`{ workspaceConfig: ${quoted(plan.workspaceConfig)} }`)
  }
  if (plan.gateway) {
    const { name, match, listen } = plan.gateway
    entries.push(`{ gateway: ${quoted(name)}, match: ${quoted(match)}, listen: ${quoted(listen)} }`)
  }
  if (entries.length > 0) return entries.map((entry) => `\n  - ${entry}`).join('')
  return ` []
#  - { workspaceConfig: ./config.json }
#  - { gateway: scoring, match: "fraud-*" }`
}

/** Quotes only when YAML would read the text as something else. */
function scalar(text: string): string {
  return stringify(text, { lineWidth: 0 }).trimEnd()
}

/** Always quoted: a plain scalar in a flow map ends at a comma or brace. */
function quoted(text: string): string {
  return JSON.stringify(text)
}
