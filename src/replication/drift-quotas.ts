import type { DriftFinding } from '../api/drift-contract.ts'
import { isObject } from '../model/field-path.ts'
import type { JsonObject } from '../model/json.ts'
import { collect } from '../workspace/pages.ts'
import type { CallOptions, Workspace, WorkspaceCapacity } from '../workspace/workspace.ts'

/**
 * Families that the primary's computes and deployments use, where the secondary allows fewer cores.
 * Whether what a failover starts would fit is asked by `assess`; this asks whether the limits agree.
 * Undefined: a side has no quotas.
 */
export async function quotaDrift(
  source: Workspace,
  target: Workspace,
  options: CallOptions,
): Promise<DriftFinding[] | undefined> {
  const [here, there] = await Promise.all([
    source.readCapacity(options),
    target.readCapacity(options),
  ])
  if (here === undefined || there === undefined) return undefined
  const used = await familiesInUse(source, here, options)
  return [...used].sort().flatMap((family): DriftFinding[] => {
    const [wanted, allowed] = [limitOf(here, family), limitOf(there, family)]
    // No row: the service does not count this family there, and refuses nothing for it.
    if (wanted === undefined || allowed === undefined || allowed >= wanted) return []
    const object = `quota/${family}`
    const reason = `${target.name} allows ${allowed} cores of this family, ${source.name} ${wanted}`
    const changes = [{ path: 'limit', from: allowed, to: wanted }]
    const found = { object, kind: 'quota', code: 'drift.quota', changes, reason } as const
    return [{ ...found, severity: 'medium', fix: 'manual' }]
  })
}

/** The smaller of what the subscription and the workspace itself allow. */
function limitOf({ families }: WorkspaceCapacity, family: string): number | undefined {
  const row = families.find(({ name }) => name.toLowerCase() === family)
  return row === undefined ? undefined : Math.min(row.limit, row.workspaceLimit ?? row.limit)
}

async function familiesInUse(
  workspace: Workspace,
  { sizes }: WorkspaceCapacity,
  options: CallOptions,
): Promise<Set<string>> {
  const families = new Map(sizes.map((one) => [one.name.toLowerCase(), one.family.toLowerCase()]))
  const found = new Set<string>()
  for (const kind of ['compute', 'online-deployment'] as const) {
    const all = await collect((page) => workspace.listObjects(kind, { ...options, ...page }))
    for (const { body } of all) {
      const family = families.get(sizeOf(body))
      if (family !== undefined) found.add(family)
    }
  }
  return found
}

function sizeOf({ properties }: JsonObject): string {
  const outer = isObject(properties) ? properties : {}
  const inner = isObject(outer.properties) ? outer.properties : {}
  return String(outer.instanceType ?? inner.vmSize ?? '').toLowerCase()
}
