import type { DriftFinding } from '../api/drift-contract.ts'
import { canonicalJson } from '../model/canonical.ts'
import { isObject } from '../model/field-path.ts'
import type { Json, JsonObject } from '../model/json.ts'
import type { NameMap } from '../model/move.ts'
import { collect } from '../workspace/pages.ts'
import type { CallOptions, Workspace } from '../workspace/workspace.ts'

/** Settings of a workspace that mean the same in every region; the service's default where absent. */
const settings: readonly {
  readonly path: string
  readonly severity: DriftFinding['severity']
  readonly absent: Json
}[] = [
  { path: 'properties.publicNetworkAccess', severity: 'high', absent: 'Enabled' },
  { path: 'properties.managedNetwork.isolationMode', severity: 'high', absent: 'Disabled' },
  { path: 'identity.type', severity: 'high', absent: 'SystemAssigned' },
  { path: 'properties.encryption.status', severity: 'high', absent: 'Disabled' },
  { path: 'properties.hbiWorkspace', severity: 'medium', absent: false },
  { path: 'properties.systemDatastoresAuthMode', severity: 'medium', absent: 'accesskey' },
  { path: 'properties.v1LegacyMode', severity: 'medium', absent: false },
  { path: 'sku.name', severity: 'low', absent: 'Basic' },
]

export async function settingsDrift(
  source: Workspace,
  target: Workspace,
  options: CallOptions,
): Promise<DriftFinding[]> {
  const id = { kind: 'workspace', path: [] } as const
  const [a, b] = await Promise.all([source.getObject(id, options), target.getObject(id, options)])
  if (a === undefined || b === undefined) return []
  return settings.flatMap(({ path, severity, absent }): DriftFinding[] => {
    const to = valueAt(a.body, path) ?? absent
    const from = valueAt(b.body, path) ?? absent
    if (canonicalJson(from) === canonicalJson(to)) return []
    const reason = `${path} is ${text(from)} there and ${text(to)} at ${source.name}`
    const found = { object: `workspace/${target.name}`, kind: 'workspace', severity, reason }
    const changes = [{ path, from, to }]
    return [{ ...found, code: 'drift.setting', changes, fix: 'manual' }]
  })
}

/** Computes that the plan maps are made by people; a pass leaves them, so nothing else compares them. */
export async function computeDrift(
  source: Workspace,
  target: Workspace,
  map: NameMap,
  options: CallOptions,
): Promise<DriftFinding[]> {
  const pairs = Object.entries(map.compute ?? {}).filter(([from, to]) => from !== to)
  if (pairs.length === 0) return []
  const [here, there] = await Promise.all([
    computesOf(source, options),
    computesOf(target, options),
  ])
  return pairs.flatMap(([from, to]) => {
    const wanted = here.get(from)
    return wanted === undefined ? [] : differencesOf(to, wanted, there.get(to))
  })
}

async function computesOf(workspace: Workspace, options: CallOptions) {
  const all = await collect((page) => workspace.listObjects('compute', { ...options, ...page }))
  return new Map(all.map(({ id, body }) => [id.path[0] ?? '', body]))
}

function differencesOf(
  name: string,
  wanted: JsonObject,
  there: JsonObject | undefined,
): DriftFinding[] {
  const found = { object: `compute/${name}`, kind: 'compute', code: 'drift.compute' } as const
  if (there === undefined) {
    const reason = 'the plan maps a compute to it, and it is not there'
    return [{ ...found, severity: 'high', reason, changes: [], fix: 'manual' }]
  }
  const size = 'properties.properties.vmSize'
  const nodes = 'properties.properties.scaleSettings.maxNodeCount'
  const changes = [size, nodes].flatMap((path) => {
    const [from, to] = [valueAt(there, path), valueAt(wanted, path)]
    const isLess =
      path === nodes
        ? typeof from === 'number' && typeof to === 'number' && from < to
        : String(from).toLowerCase() !== String(to).toLowerCase()
    return isLess ? [{ path, from, to }] : []
  })
  if (changes.length === 0) return []
  const reason = 'its size differs from that of the compute it stands for'
  return [{ ...found, severity: 'medium', reason, changes, fix: 'manual' }]
}

function valueAt(body: JsonObject, path: string): Json | undefined {
  let value: Json | undefined = body
  for (const name of path.split('.')) value = isObject(value) ? value[name] : undefined
  return value ?? undefined
}

function text(value: Json): string {
  return typeof value === 'string' ? value : canonicalJson(value)
}
