import type { Dependency, Topology } from '../api/topology-contract.ts'
import { isObject } from '../model/field-path.ts'
import type { JsonObject } from '../model/json.ts'
import { nameMapFrom } from '../replication/pass-state.ts'
import { collect } from '../workspace/pages.ts'
import type { CallOptions, Workspace } from '../workspace/workspace.ts'
import type { ProtectedGroup } from './protected-group.ts'
import { type Reading, readBoth } from './read-sides.ts'

/** What one workspace says of itself. */
export interface Needs {
  readonly region: string | null
  readonly properties: JsonObject
  readonly computes: readonly string[]
}

type Resource = NonNullable<Dependency['source']>

/** Field of the workspace's document, and whether passes copy what the resource holds. */
const resources = [
  { category: 'storage', field: 'storageAccount', copied: true },
  { category: 'vault', field: 'keyVault', copied: true },
  { category: 'registry', field: 'containerRegistry', copied: true },
  // Telemetry stays where it was written.
  { category: 'insights', field: 'applicationInsights', copied: false },
] as const

/** Reads from both members what their workspaces depend on, and holds it against each other. */
export async function topologyOf(group: ProtectedGroup): Promise<Topology> {
  const { course, source, target } = await readBoth(group, (workspace, signal) =>
    needsOf(workspace, { signal }),
  )
  const end = ({ member, value, error }: Reading<Needs>) => ({
    ...{ member, error, region: value?.region ?? null },
    workspace: group.plan.members.find(({ name }) => name === member)?.workspace ?? '',
  })
  return {
    source: end(source),
    target: end(target),
    dependencies: dependenciesOf(
      source.value,
      target.value,
      nameMapFrom(group.plan, course.primary).compute,
    ),
    readAt: group.clock().toISOString(),
  }
}

/** Undefined: that side could not be read. Pure (D7). */
export function dependenciesOf(
  from: Needs | undefined,
  to: Needs | undefined,
  computeMap: Readonly<Record<string, string>> = {},
): Dependency[] {
  return [
    ...resources.flatMap((one) => resourceOf(one, from, to)),
    ...computesOf(from, to, computeMap),
  ]
}

async function needsOf(workspace: Workspace, call: CallOptions): Promise<Needs> {
  const { kinds } = workspace.capabilities
  const found = kinds.has('workspace')
    ? await workspace.getObject({ kind: 'workspace', path: [] }, call)
    : undefined
  const computes = kinds.has('compute')
    ? await collect((page) => workspace.listObjects('compute', { ...page, ...call }))
    : []
  const { location, properties } = found?.body ?? {}
  return {
    region: typeof location === 'string' ? location : null,
    properties: isObject(properties) ? properties : {},
    computes: computes.map(({ id }) => id.path.join('/')).sort(),
  }
}

function resourceOf(
  { category, field, copied }: (typeof resources)[number],
  from: Needs | undefined,
  to: Needs | undefined,
): Dependency[] {
  const source = idAt(from, field)
  const target = idAt(to, field)
  if (source === null && target === null) return []
  const relation =
    source !== null && source.id?.toLowerCase() === target?.id?.toLowerCase()
      ? 'shared'
      : relationOf(from, to, source, target)
  return [{ category, source, target, relation, copied }]
}

function idAt(needs: Needs | undefined, field: string): Resource | null {
  const id = needs?.properties[field]
  if (typeof id !== 'string' || id === '') return null
  return { id, name: id.split('/').at(-1) ?? id }
}

function computesOf(
  from: Needs | undefined,
  to: Needs | undefined,
  map: Readonly<Record<string, string>>,
): Dependency[] {
  const there = new Set(to?.computes)
  const pairs = (from?.computes ?? []).map((name) => ({ name, other: map[name] ?? name }))
  const paired = new Set(pairs.map(({ other }) => other))
  const lone = [...there].filter((name) => !paired.has(name))
  const named = (name: string): Resource => ({ name, id: null })
  const row = (source: Resource | null, target: Resource | null): Dependency => ({
    ...{ category: 'compute', source, target, copied: true },
    relation: relationOf(from, to, source, target),
  })
  return [
    ...pairs.map(({ name, other }) => row(named(name), there.has(other) ? named(other) : null)),
    ...lone.map((name) => row(null, named(name))),
  ]
}

/** A side that could not be read has said nothing of what it lacks (I8). */
function relationOf(
  from: Needs | undefined,
  to: Needs | undefined,
  source: Resource | null,
  target: Resource | null,
): Dependency['relation'] {
  if (from === undefined || to === undefined) return 'unknown'
  if (source === null) return 'only-target'
  return target === null ? 'missing' : 'each'
}
