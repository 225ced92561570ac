import { registryType } from '../arm/behaviours/registry-stores.ts'
import { asRecord, asText, type Document } from '../arm/document.ts'
import { type BlobPlace, blobPlaceAt } from '../blob-address.ts'
import { AzureError, type RegionContext } from '../context.ts'

type Slice = Pick<RegionContext, 'resources' | 'storageOrigin'>

/**
 * Where a storage address of a job, model or deployment leads. Throws AzureError 400 for an address
 * that does not lie in this region: a local region fetches nothing from elsewhere.
 */
export function resolveUri(region: Slice, workspaceId: string, uri: string, depth = 0): BlobPlace {
  if (depth > 8) throw refused(uri, 'it refers to itself')
  const datastore =
    /^azureml:\/\/(?:subscriptions\/[^/]+\/resource[gG]roups\/[^/]+\/(?:providers\/[^/]+\/)?workspaces\/[^/]+\/)?datastores\/([^/]+)\/(?:paths\/)?(.*)$/.exec(
      uri,
    )
  if (datastore) {
    const [, name = '', path = ''] = datastore
    return { ...datastorePlace(region, workspaceId, name), path }
  }
  const output = /^azureml:\/\/jobs\/([^/]+)\/outputs\/([^/]+)(?:\/paths)?\/?(.*)$/.exec(uri)
  if (output) {
    const [, job = '', name = '', path = ''] = output
    const base = resolveUri(
      region,
      workspaceId,
      jobOutputUri(region, workspaceId, job, name),
      depth + 1,
    )
    return { ...base, path: join(base.path, path) }
  }
  const place = blobPlaceAt(region, uri)
  if (place) return place
  const asset = assetUri(region, workspaceId, uri)
  if (asset !== undefined) return resolveUri(region, workspaceId, asset, depth + 1)
  throw refused(uri, 'it does not lie in this region')
}

export function datastorePlace(
  region: Slice,
  workspaceId: string,
  name: string,
): Omit<BlobPlace, 'path'> {
  const datastore = region.resources.get(`${workspaceId}/datastores/${name}`)
  if (!datastore) throw refused(`azureml://datastores/${name}`, 'there is no such datastore')
  const properties = asRecord(datastore.body.properties)
  const account = asText(properties.accountName)
  const container = asText(properties.containerName)
  if (account === undefined || container === undefined)
    throw refused(`azureml://datastores/${name}`, 'a local region mounts blob datastores only')
  return { account, container }
}

/** Where an output of a job lies: as its specification says, else the default place. */
export function jobOutputUri(
  region: Pick<RegionContext, 'resources'>,
  workspaceId: string,
  job: string,
  output: string,
): string {
  const outputs = asRecord(
    asRecord(region.resources.get(`${workspaceId}/jobs/${job}`)?.body.properties).outputs,
  )
  return outputUriOf(asRecord(outputs[output]), job, output)
}

/** An output's own address with its placeholders filled, else the default place. */
export function outputUriOf(output: Document, job: string, name: string): string {
  const uri = asText(output.uri)
  if (uri === undefined) return defaultOutputUri(job, name)
  const values: Readonly<Record<string, string>> = {
    name: job,
    output_name: name,
    default_datastore: 'workspaceblobstore',
  }
  return uri.replace(
    /\$\{\{\s*(\w+)\s*\}\}/g,
    (whole, placeholder: string) => values[placeholder] ?? whole,
  )
}

function defaultOutputUri(job: string, output: string): string {
  return `azureml://datastores/workspaceblobstore/paths/azureml/${job}/${output}/`
}

/** The payload address of a registered asset: `azureml:name:version`, an ARM id, with or without prefix. */
function assetUri(region: Slice, workspaceId: string, reference: string): string | undefined {
  for (const collection of ['data', 'models']) {
    const id = assetIdOf(region, workspaceId, collection, reference)
    const properties = asRecord(region.resources.get(id)?.body.properties)
    const uri =
      asText(properties.dataUri) ?? asText(properties.modelUri) ?? asText(properties.codeUri)
    if (uri !== undefined) return uri
  }
  return undefined
}

/**
 * ARM id of an asset reference as jobs and deployments write it: an id, `name:version`, `name@latest`,
 * or `azureml://registries/…` of a registry of this region.
 */
export function assetIdOf(
  region: Pick<RegionContext, 'resources'>,
  workspaceId: string,
  collection: string,
  reference: string,
): string {
  const plain = reference.replace(/^azureml:(?!\/\/)/, '')
  const short = /^([^/:@]+):([^/:@]+)$/.exec(plain)
  if (short) return `${workspaceId}/${collection}/${short[1]}/versions/${short[2]}`
  const [, labelled, label] = /^([^/:@]+)@([^/:@]+)$/.exec(plain) ?? []
  if (labelled !== undefined)
    return labelledId(region, `${workspaceId}/${collection}/${labelled}`, label) ?? plain
  return registryAssetId(region, plain) ?? plain
}

/** Azure knows one label: the version that was made last. */
function labelledId(
  region: Pick<RegionContext, 'resources'>,
  containerId: string,
  label: string | undefined,
): string | undefined {
  const container = region.resources.get(containerId)
  const versions = container ? region.resources.list(containerId, `${container.type}/versions`) : []
  const newest = label === 'latest' ? versions.at(-1) : undefined
  return newest?.id
}

const registryReference =
  /^azureml:\/\/registries\/([^/]+)\/([^/]+)\/([^/]+)\/(versions|labels)\/([^/]+)$/i

function registryAssetId(
  region: Pick<RegionContext, 'resources'>,
  reference: string,
): string | undefined {
  const [, registry, collection, name, kind, version] = registryReference.exec(reference) ?? []
  if (registry === undefined) return undefined
  const found = region.resources
    .list('', registryType)
    .find((one) => one.name.toLowerCase() === registry.toLowerCase())
  if (!found) return undefined
  const containerId = `${found.id}/${collection}/${name}`
  return kind?.toLowerCase() === 'labels'
    ? labelledId(region, containerId, version)
    : `${containerId}/versions/${version}`
}

export function join(base: string, path: string): string {
  if (path === '') return base
  return base === '' || base.endsWith('/') ? `${base}${path}` : `${base}/${path}`
}

function refused(uri: string, why: string): AzureError {
  return new AzureError(400, 'UserError', `The address '${uri}' cannot be used: ${why}.`)
}
