import { isDrillObject } from '../model/drill.ts'
import { isObject } from '../model/field-path.ts'
import type { JsonObject } from '../model/json.ts'
import type { Kind } from '../model/kinds.ts'
import type { NameMap } from '../model/move.ts'
import type { ObjectId } from '../model/object-id.ts'
import type { ContinuityPlan } from '../plan/continuity-plan.ts'
import { strategyOf } from '../plan/strategy-of.ts'

/** What a pass does with one object: design section 6, object by object. */
export type Standing =
  /** It stands at the target; `reduced` forms leave something for the failover to add. */
  | { readonly is: 'standing' }
  /** Only its definition is kept; a failover creates it. */
  | { readonly is: 'captured' }
  /** Not Holdfast's to copy. */
  | { readonly is: 'left'; readonly reason: string }

/**
 * Kinds that hot-cold keeps as definitions. The workspace, its network, datastores, connections and
 * data stand even then; so do endpoints, which cost nothing without deployments and whose keys could
 * not be read any more when the source is gone (D10).
 */
const capturedWhenCold: ReadonlySet<Kind> = new Set<Kind>([
  'compute',
  'code-container',
  'code',
  'environment-container',
  'environment',
  'model-container',
  'model',
  'component-container',
  'component',
  'feature-entity-container',
  'feature-entity',
  'feature-set-container',
  'feature-set',
  'online-deployment',
  'batch-deployment',
])

const systemDatastores = new Set([
  'workspaceblobstore',
  'workspaceartifactstore',
  'workspacefilestore',
  'workspaceworkingdirectory',
  'azureml_globaldatasets',
])

export function standingOf(
  plan: Pick<ContinuityPlan, 'strategies' | 'roleAssignments'>,
  map: NameMap,
  id: ObjectId,
  body: JsonObject,
): Standing {
  const reason = whyLeft(map, id, body) ?? whyRoleLeft(plan, id, body)
  if (reason !== undefined) return { is: 'left', reason }
  const cold = strategyOf(plan, id) === 'hot-cold' && capturedWhenCold.has(id.kind)
  return cold ? { is: 'captured' } : { is: 'standing' }
}

/** What never came to stand at the source cannot be told from what would stand here (I8). */
function whyNotDeployed(state: unknown): string | undefined {
  const ended = state === 'Failed' || state === 'Canceled'
  return ended ? `it failed at the source: its provisioningState is ${state}` : undefined
}

function whyRoleLeft(
  { roleAssignments }: Pick<ContinuityPlan, 'roleAssignments'>,
  { kind }: ObjectId,
  { properties }: JsonObject,
): string | undefined {
  if (kind !== 'role-assignment') return undefined
  if (roleAssignments === 'leave') return 'the plan leaves roles to people'
  const isOrphan = isObject(properties) && properties.principalType === 'Unknown'
  return isOrphan ? 'its principal is not in the directory any more' : undefined
}

function whyLeft(map: NameMap, id: ObjectId, body: JsonObject): string | undefined {
  if (isDrillObject(id, body)) return 'a drill made it and will remove it'
  const name = id.path[0] ?? ''
  const properties = isObject(body.properties) ? body.properties : {}
  const mapped = map[id.kind]?.[name]
  if (mapped !== undefined && mapped !== name) {
    return `the plan maps it to ${mapped}, which is not Holdfast's to write`
  }
  switch (id.kind) {
    case 'datastore':
      return systemDatastores.has(name) ? 'the service makes it in every workspace' : undefined
    case 'outbound-rule':
      return ['Required', 'Dependency'].includes(String(properties.category))
        ? 'the service makes it in every workspace'
        : undefined
    case 'environment':
    case 'environment-container':
      return name.startsWith('AzureML-') ? 'curated by the service in every region' : undefined
    case 'online-endpoint':
    case 'batch-endpoint':
    case 'online-deployment':
    case 'batch-deployment':
      return whyNotDeployed(properties.provisioningState)
    case 'model-version':
      return properties.status === undefined || properties.status === 'READY'
        ? undefined
        : `its registration did not end: its status is ${String(properties.status)}`
    case 'compute':
      return properties.computeType === 'ComputeInstance'
        ? 'a compute instance belongs to one person and its disk cannot be copied'
        : undefined
    default:
      return undefined
  }
}
