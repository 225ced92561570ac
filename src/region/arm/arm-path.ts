import resourceFacts from '../../facts/azureml-resources.json' with { type: 'json' }
import { AzureError } from '../context.ts'

/**
 * An ARM path in parts. `id` names a resource; a path with one segment more is a collection (GET)
 * or an action (POST), kept in `rest`.
 */
export interface ArmPath {
  /** `/subscriptions/…` up to and including the last resource name; '' for tenant level. */
  readonly id: string
  /** Type of `id`, e.g. `Microsoft.MachineLearningServices/workspaces`. */
  readonly type: string
  readonly name: string
  /** The odd last segment, with the type a collection of that name has. */
  readonly rest: { readonly segment: string; readonly type: string } | undefined
}

const knownSegments = new Map<string, string>([
  ['subscriptions', 'subscriptions'],
  ['resourcegroups', 'resourceGroups'],
  ['vaults', 'vaults'],
  ['roleassignments', 'roleAssignments'],
  ...[
    'storageAccounts',
    'blobServices',
    'fileServices',
    'queueServices',
    'tableServices',
    'objectReplicationPolicies',
    'roleDefinitions',
    'databaseAccounts',
    'managedClusters',
    'containerGroups',
    'virtualNetworks',
    'networkSecurityGroups',
    'privateEndpoints',
    'privateDnsZones',
    'virtualNetworkLinks',
    'userAssignedIdentities',
  ].map((segment) => [segment.toLowerCase(), segment] as const),
])
for (const { type } of resourceFacts.resources)
  for (const part of type.split(' ')[0]?.split('/') ?? [])
    knownSegments.set(part.toLowerCase(), part)

/** Azure's own spelling of a type segment; unknown ones keep the caller's. */
const canonical = (segment: string) => knownSegments.get(segment.toLowerCase()) ?? segment

/** Names are stored and become file, host and container names: refuse what could leave its folder. */
export function decodeSegment(raw: string): string {
  let text: string
  try {
    text = decodeURIComponent(raw)
  } catch (cause) {
    throw invalidName(raw, cause)
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (text === '.' || text === '..' || /[/\\?#\u0000-\u001f\u007f]/.test(text) || text.length > 260)
    throw invalidName(raw)
  return text
}

function invalidName(raw: string, cause?: unknown): AzureError {
  const error = new AzureError(
    400,
    'InvalidResourceName',
    `The path segment '${raw.slice(0, 80)}' is not a valid resource name.`,
  )
  error.cause = cause
  return error
}

/** Splits the raw, still encoded path of a request. */
export function parseArmPath(rawPath: string): ArmPath {
  const segments = rawPath
    .split('/')
    .filter((part) => part !== '')
    .map(decodeSegment)
  return fromSegments(segments)
}

function fromSegments(segments: readonly string[]): ArmPath {
  let id = ''
  let type = ''
  let name = ''
  let inProvider = false
  for (let i = 0; i < segments.length; i += 2) {
    const key = segments[i] ?? ''
    const value = segments[i + 1]
    const isProviders = key.toLowerCase() === 'providers'
    const nextType = isProviders
      ? (value ?? '')
      : inProvider
        ? `${type}/${canonical(key)}`
        : `Microsoft.Resources/${canonical(key)}`
    if (value === undefined) {
      return { id, type, name, rest: { segment: canonical(key), type: nextType } }
    }
    if (isProviders) {
      // `…/providers/NS` alone is no resource; a collection or a resource of NS follows.
      const namespace = canonicalNamespace(value)
      const remaining = segments.slice(i + 2)
      if (remaining.length === 0)
        return { id, type, name, rest: { segment: value, type: namespace } }
      if (remaining.length === 1) {
        const segment = canonical(remaining[0] ?? '')
        return { id, type: namespace, name: '', rest: { segment, type: `${namespace}/${segment}` } }
      }
      id += `/providers/${namespace}`
      type = namespace
      inProvider = true
      continue
    }
    id += `/${canonical(key)}/${value}`
    type = nextType
    name = value
  }
  return { id, type, name, rest: undefined }
}

const namespaces = new Map(
  [
    'Microsoft.MachineLearningServices',
    'Microsoft.Storage',
    'Microsoft.KeyVault',
    'Microsoft.Insights',
    'Microsoft.ContainerRegistry',
    'Microsoft.Authorization',
    'Microsoft.Resources',
    'Microsoft.OperationalInsights',
    'Microsoft.DocumentDB',
    'Microsoft.ContainerService',
    'Microsoft.ContainerInstance',
    'Microsoft.Databricks',
    'Microsoft.HDInsight',
    'Microsoft.Network',
    'Microsoft.ManagedIdentity',
  ].map((name) => [name.toLowerCase(), name]),
)
const canonicalNamespace = (text: string) => namespaces.get(text.toLowerCase()) ?? text

/** A type as Azure spells it, and the namespaces of the providers that are known here. */
export function canonicalType(type: string): string {
  const [namespace = '', ...segments] = type.split('/')
  return [canonicalNamespace(namespace), ...segments.map(canonical)].join('/')
}
export const knownNamespaces = (): string[] => [...namespaces.values()]

/** Lower-case id without trailing slash: the key of every look-up. */
export const idKey = (id: string): string => id.replace(/\/+$/, '').toLowerCase()

/** The scope a resource lives in: its parent resource, else its resource group or subscription. */
export function parentId(id: string): string {
  const segments = id.split('/').filter((part) => part !== '')
  segments.splice(-2)
  const keyAt = segments.length - 2
  if (keyAt >= 0 && segments[keyAt]?.toLowerCase() === 'providers') segments.splice(-2)
  return segments.length === 0 ? '' : `/${segments.join('/')}`
}

/** Name of the workspace part of an id: everything up to and including `/workspaces/{name}`. */
export function workspaceIdOf(id: string): string | undefined {
  return /^\/subscriptions\/[^/]+\/resourcegroups\/[^/]+\/providers\/microsoft\.machinelearningservices\/workspaces\/[^/]+/i.exec(
    id,
  )?.[0]
}
