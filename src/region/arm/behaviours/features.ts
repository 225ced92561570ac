import { parse } from 'yaml'
import { resolveUri } from '../../compute/uris.ts'
import {
  type ArmResource,
  AzureError,
  type KindBehaviour,
  type RegionContext,
} from '../../context.ts'
import { parentId, workspaceIdOf } from '../arm-path.ts'
import { implicitResource } from '../associated/implicit-resource.ts'
import { asRecord, asText, type Document, isRecord } from '../document.ts'

const type = 'Microsoft.MachineLearningServices/workspaces/featuresets/versions/features'
/** The name Azure's clients give the file. */
const specificationFile = 'FeatureSetSpec.yaml'
const largestBytes = 4 * 1024 * 1024

/** Features of a feature set: read out of its specification whenever they are asked for. */
export function featureBehaviour(region: RegionContext): KindBehaviour {
  const ofSet = (versionId: string) => featuresOf(region, versionId)
  return {
    type: type.toLowerCase(),
    find: async (id) => (await ofSet(parentId(id))).find((one) => one.name === nameOf(id)),
    list: async (versionId, query) =>
      (await ofSet(versionId)).filter(({ body }) => isAsked(asRecord(body.properties), query)),
  }
}

const nameOf = (id: string) => id.slice(id.lastIndexOf('/') + 1)

async function featuresOf(region: RegionContext, versionId: string): Promise<ArmResource[]> {
  const version = region.resources.get(versionId)
  if (!version)
    throw new AzureError(404, 'ResourceNotFound', `The resource '${versionId}' was not found.`)
  const { features } = await specificationOf(region, version)
  return (Array.isArray(features) ? features.filter(isRecord) : []).map((feature) => {
    const name = String(feature.name)
    const properties = {
      featureName: name,
      dataType: typeName(String(feature.type)),
      description: asText(feature.description) ?? null,
      tags: asRecord(feature.tags),
      properties: {},
    }
    return implicitResource(`${version.id}/features/${name}`, type, { properties })
  })
}

const typeName = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1).toLowerCase()}`

async function specificationOf(region: RegionContext, version: ArmResource): Promise<Document> {
  const path = asText(asRecord(asRecord(version.body.properties).specification).path)
  if (path === undefined) return {}
  const place = resolveUri(region, workspaceIdOf(version.id) ?? '', path)
  const name = `${place.path.replace(/\/?$/, '/')}${specificationFile}`
  const opened = region.blobs.open(place.account, place.container, name)
  if (!opened)
    throw new AzureError(
      404,
      'UserError',
      `The feature set has no ${specificationFile} at ${path}.`,
    )
  if (opened.blob.sizeBytes > largestBytes)
    throw new AzureError(400, 'UserError', `The ${specificationFile} at ${path} is too large.`)
  const chunks: Uint8Array[] = []
  for await (const chunk of opened.content) chunks.push(chunk)
  return readYaml(Buffer.concat(chunks).toString('utf8'), path)
}

function readYaml(text: string, path: string): Document {
  try {
    return asRecord(parse(text))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new AzureError(
      400,
      'UserError',
      `The ${specificationFile} at ${path} is no YAML: ${reason}`,
    )
  }
}

/** The filters of the list: a name, words of the description, tags as `name` or `name=value`. */
function isAsked(feature: Document, query: Readonly<Record<string, string>>): boolean {
  const { featureName, description, tags } = query
  const has = asRecord(feature.tags)
  const isTagged = (wish: string) => {
    const [name = '', value] = wish.split('=')
    return Object.hasOwn(has, name) && (value === undefined || String(has[name]) === value)
  }
  return (
    (featureName === undefined || feature.featureName === featureName) &&
    (description === undefined || String(feature.description ?? '').includes(description)) &&
    (tags === undefined || tags.split(',').every(isTagged))
  )
}
