import { AzureError, type RegionContext } from '../context.ts'
import { type Migration, migrate } from '../store/database.ts'
import { workspaceIdOf } from './arm-path.ts'
import { asRecord, asText } from './document.ts'
import { familyLimit, vmSizeNamed } from './vm-sizes.ts'

const computeType = 'Microsoft.MachineLearningServices/workspaces/computes'
const migrations: readonly Migration[] = [
  {
    name: 'quotas-1',
    sql: `CREATE TABLE quotas (
      scope TEXT NOT NULL, family TEXT NOT NULL, cores INTEGER NOT NULL,
      PRIMARY KEY (scope, family)) WITHOUT ROWID;`,
  },
]

/** Cores that a subscription or a workspace may use, by VM family. */
export interface Quotas {
  /** `scope` is the id of a subscription or of a workspace. */
  limit(scope: string, family: string): number
  setLimit(scope: string, family: string, cores: number): void
  /** Cores of the nodes that run now, by family. */
  used(scope: string): ReadonlyMap<string, number>
  /** What Azure answers when so many more nodes are too many; undefined when they fit. */
  refusal(computeId: string, vmSize: string | undefined, nodes: number): AzureError | undefined
}

export function openQuotas(region: Pick<RegionContext, 'db' | 'resources'>): Quotas {
  const { db, resources } = region
  migrate(db, migrations)
  const find = db.prepare('SELECT cores FROM quotas WHERE scope = ? AND family = ?')
  const write = db.prepare('INSERT OR REPLACE INTO quotas VALUES (?, ?, ?)')

  function used(scope: string): Map<string, number> {
    const cores = new Map<string, number>()
    for (const compute of resources.list(scope, computeType)) {
      const outer = asRecord(compute.body.properties)
      const inner = asRecord(outer.properties)
      const size = vmSizeNamed(asText(inner.vmSize))
      if (!size) continue
      const nodes =
        outer.computeType === 'ComputeInstance'
          ? Number(inner.state === 'Running')
          : Number(inner.currentNodeCount ?? 0)
      cores.set(size.family, (cores.get(size.family) ?? 0) + nodes * size.vCPUs)
    }
    return cores
  }

  const quotas: Quotas = {
    used,
    limit(scope, family) {
      const row = find.get(scope.toLowerCase(), family) as { cores: number } | undefined
      return row?.cores ?? familyLimit
    },
    setLimit(scope, family, cores) {
      write.run(scope.toLowerCase(), family, cores)
    },
    refusal(computeId, vmSize, nodes) {
      const size = vmSizeNamed(vmSize)
      // A size that the table lacks has no known cores: nothing to count, so nothing to refuse.
      if (!size || nodes <= 0) return undefined
      const workspace = workspaceIdOf(computeId) ?? ''
      const subscription = workspace.split('/').slice(0, 3).join('/')
      for (const scope of [workspace, subscription]) {
        const limit = quotas.limit(scope, size.family)
        const inUse = used(scope).get(size.family) ?? 0
        const more = nodes * size.vCPUs
        if (inUse + more > limit) return exceeded(size.family, limit, inUse, more)
      }
      return undefined
    },
  }
  return quotas
}

const exceeded = (family: string, limit: number, inUse: number, more: number) =>
  new AzureError(
    400,
    'ClusterCoreQuotaReached',
    `Operation results in exceeding quota limits of ${family} cores. Maximum allowed: ${limit}, Current in use: ${inUse}, Additional requested: ${more}.`,
  )
