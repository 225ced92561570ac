import type { Finding } from '../api/contract.ts'
import type { Capacity, Inventory, MachineNeed } from './inventory.ts'

const endpointReserve = 1.2

/** Rules about machines of the secondary: their sizes exist there, and their cores fit the quota. */
export const machineRules = {
  sizes: missingSizes,
  quota: exceededQuota,
  'workspace-quota': exceededWorkspaceQuota,
}

function missingSizes({ capacity, machines, secondary }: Inventory): Finding[] {
  if (capacity === null) return []
  const missing = machines.filter(({ size }) => sizeOf(capacity, size) === undefined)
  if (missing.length === 0) return []
  return [
    {
      rule: 'sizes',
      level: 'not-ready',
      sentence: `Machine sizes are not offered in the region of ${secondary}.`,
      evidence: missing.map(({ object, size }) => `${object}: ${size}`),
      remedy: 'Choose a size both regions offer, or map the compute in continuity.yaml.',
    },
  ]
}

function exceededQuota({ capacity, machines, secondary }: Inventory): Finding[] {
  if (capacity === null) return []
  const evidence: string[] = []
  for (const [family, { cores, objects }] of additionalCores(capacity, machines)) {
    const quota = capacity.families.find(({ name }) => equal(name, family))
    // No row: the service does not count this family here, and refuses nothing for it.
    if (quota === undefined) continue
    const free = quota.limit - quota.used
    if (cores <= free) continue
    evidence.push(
      `${family}: ${cores} more cores needed, ${free} of ${quota.limit} free (${objects.join(', ')})`,
    )
  }
  if (evidence.length === 0) return []
  return [
    {
      rule: 'quota',
      level: 'not-ready',
      sentence: `The quota of ${secondary} does not allow what a failover would start.`,
      evidence,
      remedy: `Ask for more cores of these families in the region of ${secondary}, or plan fewer.`,
    },
  ]
}

/** Its limit is that of all that runs in the workspace, whatever other workspaces use. */
function exceededWorkspaceQuota({ capacity, machines, secondary }: Inventory): Finding[] {
  if (capacity === null) return []
  const all = machines.map((need) => ({ ...need, standing: 0 }))
  const evidence = [...additionalCores(capacity, all)].flatMap(([family, { cores, objects }]) => {
    const { workspaceLimit } = capacity.families.find(({ name }) => equal(name, family)) ?? {}
    return workspaceLimit === undefined || cores <= workspaceLimit
      ? []
      : [`${family}: ${cores} cores needed, ${workspaceLimit} allowed (${objects.join(', ')})`]
  })
  if (evidence.length === 0) return []
  return [
    {
      rule: 'workspace-quota',
      level: 'not-ready',
      sentence: `The quota of the workspace ${secondary} itself does not allow what a failover would start.`,
      evidence,
      remedy: `Raise the quota of the workspace within that of its subscription, or plan fewer.`,
    },
  ]
}

/** What a failover adds to what runs already, by family. */
function additionalCores(capacity: Capacity, machines: readonly MachineNeed[]) {
  const byFamily = new Map<string, { cores: number; objects: string[] }>()
  for (const need of machines) {
    const size = sizeOf(capacity, need.size)
    const cores = size === undefined ? 0 : reserved(need) * size.cores
    if (size === undefined || cores <= 0) continue
    const sum = byFamily.get(size.family) ?? { cores: 0, objects: [] }
    sum.cores += cores
    sum.objects.push(need.object)
    byFamily.set(size.family, sum)
  }
  return byFamily
}

/** Whole machines: a fifth of one instance is one more instance. */
function reserved({ wanted, standing, isEndpoint }: MachineNeed): number {
  const factor = isEndpoint ? endpointReserve : 1
  return Math.ceil(wanted * factor) - Math.ceil(standing * factor)
}

const sizeOf = ({ sizes }: Capacity, name: string) => sizes.find((one) => equal(one.name, name))
const equal = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()
