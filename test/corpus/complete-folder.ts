import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseDocument, stringify } from 'yaml'
import { isDocument } from '../../src/specification/document.ts'
import { readFolder } from '../../src/specification/read-folder.ts'
import type { Specification } from '../../src/specification/specification.ts'

const versioned = new Set([
  'environment',
  'data',
  'model',
  'component',
  'feature-entity',
  'feature-set',
])

/** Where a short reference may stand, and what it refers to. */
const referring: Readonly<Record<string, string>> = {
  environment: 'environment',
  model: 'model',
  component: 'component',
  component_id: 'component',
  pre_processing_component: 'component',
  trial: 'component',
  job_definition: 'component',
  compute: 'compute',
  default_compute: 'compute',
  target: 'compute',
  path: 'data',
  data: 'data',
  connection: 'connection',
}

export interface Completed {
  /** Specifications that now describe another name or version, because an earlier one had it. */
  readonly renamed: number
  /** Specifications added for what others refer to. */
  readonly added: number
}

/**
 * Makes one workspace's worth of a collection of examples that were never meant to stand side by
 * side: the second description of a name gets a name (or version) of its own, and what examples only
 * refer to (their scripts make it on the way) gets a specification.
 */
export async function completeFolder(root: string): Promise<Completed> {
  const endpoints = nameEndpoints((await readFolder(root)).specifications)
  const renamed = setApart((await readFolder(root)).specifications)
  const specifications = (await readFolder(root)).specifications
  const missing = new Map([...endpoints, ...wanted(specifications)])
  for (const known of specifications.map(idOf)) missing.delete(known)
  for (const { type, document } of specifications) missing.delete(`${type}/${document.name}/latest`)
  mkdirSync(join(root, 'added'), { recursive: true })
  writeFileSync(join(root, 'added', 'model.txt'), 'made\n')
  for (const [index, document] of [...missing.values()].entries())
    writeFileSync(join(root, 'added', `${index}.yml`), stringify(document))
  return { renamed, added: missing.size }
}

function idOf({ type, document }: Specification): string {
  const name = type.endsWith('deployment')
    ? `${document.endpoint_name}/${document.name}`
    : String(document.name)
  const version = versioned.has(type) ? `/${document.version ?? 'latest'}` : ''
  return `${type}/${name}${version}`
}

/** Deployments say their endpoint, as `--endpoint-name` would; the endpoints are added. */
function nameEndpoints(specifications: readonly Specification[]): Map<string, object> {
  const found = new Map<string, object>()
  for (const { file, type, document } of specifications) {
    if (!type.endsWith('deployment')) continue
    const kind = type === 'online-deployment' ? 'online' : 'batch'
    const given = document.endpoint_name
    const isPlaceholder = given === undefined || /^(<.*>|\{\{.*\}\})$/.test(String(given))
    const name = isPlaceholder ? `added-${kind}` : given
    if (isPlaceholder) edit(file, 'endpoint_name', name)
    if (typeof name !== 'string') continue
    const schema = kind === 'online' ? 'managedOnlineEndpoint' : 'batchEndpoint'
    found.set(`${kind}-endpoint/${name}`, specification(schema, { name }))
  }
  return found
}

function setApart(specifications: readonly Specification[]): number {
  const seen = new Map<string, number>()
  let renamed = 0
  for (const one of specifications) {
    if (one.type === 'job' || one.type === 'workspace' || one.document.name === undefined) continue
    if (versioned.has(one.type) && one.document.version === undefined) continue
    const id = idOf(one)
    const count = (seen.get(id) ?? 0) + 1
    seen.set(id, count)
    if (count === 1) continue
    renamed += 1
    if (versioned.has(one.type)) edit(one.file, 'version', `${one.document.version}-${count}`)
    else edit(one.file, 'name', `${one.document.name}-${count}`)
  }
  return renamed
}

function edit(file: string, key: string, value: unknown): void {
  const document = parseDocument(readFileSync(file, 'utf8'))
  document.set(key, value)
  writeFileSync(file, document.toString())
}

function wanted(specifications: readonly Specification[]): Map<string, object> {
  const found = new Map<string, object>()
  const look = (key: string, value: unknown, type?: unknown): void => {
    if (Array.isArray(value)) for (const one of value) look(key, one)
    else if (isDocument(value))
      for (const [name, child] of Object.entries(value)) look(name, child, value.type)
    else if (typeof value === 'string') {
      const isModel = key === 'path' && /_model$/.test(String(type))
      const kind = isModel ? 'model' : referring[key]
      if (kind !== undefined) note(found, kind, value)
    }
  }
  for (const { document } of specifications) look('', document)
  return found
}

function note(found: Map<string, object>, kind: string, reference: string): void {
  if (kind === 'compute' || kind === 'connection') {
    const [, name] = /^(?:azureml:)?([a-zA-Z][\w-]{1,31})$/.exec(reference) ?? []
    if (name !== undefined && !['serverless', 'local'].includes(name))
      found.set(`${kind}/${name}`, stub(kind, name))
    return
  }
  const [, name, mark, version] = /^azureml:([\w.-]+)([:@])([\w.-]+)$/.exec(reference) ?? []
  if (name === undefined || name.startsWith('AzureML-')) return
  const key = mark === '@' ? 'latest' : version
  found.set(`${kind}/${name}/${key}`, {
    ...stub(kind, name),
    version: mark === '@' ? '1' : version,
  })
}

function stub(kind: string, name: string): object {
  const stubs: Readonly<Record<string, () => object>> = {
    environment: () => specification('environment', { name, image: 'example.org/made:1' }),
    model: () => specification('model', { name, path: './model.txt' }),
    data: () =>
      specification('data', {
        name,
        type: 'uri_folder',
        path: `azureml://datastores/workspaceblobstore/paths/made/${name}/`,
      }),
    component: () =>
      specification('commandComponent', {
        name,
        command: 'echo made',
        environment: 'azureml://registries/azureml/environments/sklearn-1.5/labels/latest',
      }),
    compute: () =>
      specification('amlCompute', { name, type: 'amlcompute', size: 'STANDARD_D2_V2' }),
    connection: () =>
      specification('connection', {
        name,
        type: 'snowflake',
        target: 'jdbc:snowflake://example.org/?db=made',
        credentials: { type: 'username_password', username: 'made', password: 'made' },
      }),
  }
  return stubs[kind]?.() ?? {}
}

function specification(schema: string, fields: object): object {
  return { $schema: `https://azuremlschemas.azureedge.net/latest/${schema}.schema.json`, ...fields }
}
