import resourceFacts from '../../facts/azureml-resources.json' with { type: 'json' }
import { type Document, isRecord } from './document.ts'

/** Service-made fields of each type, as paths; `*` is any key, `[]` any element. */
const readOnlyPaths = new Map<string, readonly (readonly string[])[]>(
  resourceFacts.resources.map(({ type, readOnly }) => [
    typeKey(type),
    readOnly
      .map((path) =>
        path
          .replace(/<[^>]*>/g, '')
          .replaceAll('[]', '.[]')
          .split('.'),
      )
      // `properties` alone would empty a document whose writer is right.
      .filter((path) => path.length > 1 && path[0] !== 'systemData'),
  ]),
)

const stateful = [
  'microsoft.resources/deployments',
  'microsoft.resources/resourcegroups',
  'microsoft.storage/storageaccounts',
  'microsoft.keyvault/vaults',
  'microsoft.insights/components',
  'microsoft.containerregistry/registries',
]

function typeKey(type: string): string {
  return (type.split(' ')[0] ?? type).toLowerCase()
}

/** Whether documents of a type carry `properties.provisioningState`. */
export function hasProvisioningState(type: string): boolean {
  const paths = readOnlyPaths.get(typeKey(type))
  return paths
    ? paths.some((path) => path.join('.') === 'properties.provisioningState')
    : stateful.includes(typeKey(type))
}

/**
 * The document as written, with service-made fields taken from what is stored instead: writers send
 * back what they read, and Azure ignores these fields.
 */
export function withoutReadOnly(type: string, body: Document, existing?: Document): Document {
  const result = structuredClone(body)
  for (const field of ['id', 'name', 'type', 'systemData', 'etag']) delete result[field]
  for (const path of readOnlyPaths.get(typeKey(type)) ?? []) replace(result, existing, path)
  return result
}

function replace(target: unknown, source: unknown, path: readonly string[]): void {
  const [key = '', ...rest] = path
  if (key === '[]' || key === '*') {
    const entries = typeof target === 'object' && target !== null ? Object.entries(target) : []
    for (const [name, value] of entries) replace(value, at(source, name), rest)
    return
  }
  if (!isRecord(target)) return
  if (rest.length > 0) {
    replace(target[key], at(source, key), rest)
    return
  }
  const kept = at(source, key)
  if (kept === undefined) delete target[key]
  else target[key] = kept
}

const at = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Document)[key] : undefined
