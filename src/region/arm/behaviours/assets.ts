import type { ArmResource, Caller, KindBehaviour, RegionContext } from '../../context.ts'
import type { ArmStore } from '../../store/resource-store.ts'
import { parentId } from '../arm-path.ts'
import { assetSegments, containerDocument, versionDocument } from '../asset-versions.ts'
import { asRecord, type Document, isRecord } from '../document.ts'
import { pendingUpload } from './pending-upload.ts'
import { publish } from './publish.ts'
import { registryType } from './registry-stores.ts'
import { workspaceType } from './workspace.ts'

const uploadable = new Set<string>(['codes', 'data', 'models'])
const publishable = /\/workspaces\/(codes|environments|data|models|components)\/versions$/

/** Containers and versions of every asset kind, in workspaces and in registries. */
export function assetBehaviours(region: RegionContext, store: ArmStore): KindBehaviour[] {
  return [workspaceType, registryType].flatMap((owner) =>
    assetSegments.flatMap((segment) => {
      const containerType = `${owner}/${segment}`.toLowerCase()
      return [
        containerBehaviour(containerType, store),
        versionBehaviour(containerType, region, store),
      ]
    }),
  )
}

function containerBehaviour(type: string, store: ArmStore): KindBehaviour {
  return {
    type,
    ...(isLongWritten(type) && { lro: 'registry' as const }),
    beforePut: ({ body, existing }) => {
      const fresh = asRecord(containerDocument(type, {}).properties)
      if (type.endsWith('/data')) delete fresh.dataType
      const before = asRecord(existing?.body.properties)
      const properties = { ...fresh, ...before, ...asRecord(body.properties) }
      return { body: { ...body, properties } }
    },
    present: (container) => ({ properties: versionNumbers(container, store) }),
  }
}

/** `latestVersion` is the newest by creation; `nextVersion` follows the highest whole number. */
function versionNumbers(container: ArmResource, store: ArmStore): Document {
  const type = `${container.type}/versions`
  const [newest] = store.scan(container.id, type, { limit: 1, newestFirst: true })
  const nextVersion = String(store.highestNumber(container.id, type) + 1)
  return { latestVersion: newest?.resource.name ?? null, nextVersion }
}

function versionBehaviour(
  containerType: string,
  region: RegionContext,
  store: ArmStore,
): KindBehaviour {
  const type = `${containerType}/versions`
  const segment = containerType.slice(containerType.lastIndexOf('/') + 1)
  return {
    type,
    ...(isLongWritten(type) && { lro: 'registry' as const }),
    beforePut: ({ id, body, existing }) => ({
      body: versionDocument(type, withDefaults(segment, id, body), existing?.body),
    }),
    present: (version, query) => ({
      ...registryAssetId(version.id, query['api-version']),
      ...madeFields(segment, version),
    }),
    ...(segment === 'components' && {
      // The Python client asks for this name when its user named no version.
      implicit: (id: string) =>
        id.endsWith('/azureml_default')
          ? store.scan(parentId(id), type, { limit: 1, newestFirst: true })[0]?.resource
          : undefined,
    }),
    ...(publishable.test(type) && {
      actions: {
        publish: async (version: ArmResource, body: unknown, { actor }: { actor: Caller }) =>
          publish(region, version, body, actor),
      },
    }),
    ...(uploadable.has(segment) && {
      earlyActions: {
        startpendingupload: async (id: string, body: unknown) => ({
          status: 200,
          body: pendingUpload(region, id, asRecord(body)),
        }),
      },
    }),
  }
}

/** Fields of a version that only the service may say. */
function madeFields(segment: string, version: ArmResource): Document {
  if (segment === 'models')
    return { properties: { flavors: asRecord(version.body.properties).flavors ?? {} } }
  return segment === 'environments' ? { properties: { environmentType: 'UserCreated' } } : {}
}

/** A registry's own front end, whose api-versions say so, names assets without their subscription. */
function registryAssetId(id: string, apiVersion = ''): { readonly id?: string } {
  const [, registry, asset] = /\/registries\/([^/]+)\/(.+)$/i.exec(id) ?? []
  const isFrontEnd = apiVersion.toLowerCase().includes('dataplane')
  return isFrontEnd && registry ? { id: `azureml://registries/${registry}/${asset}` } : {}
}

/** Payload fields that the service fills in when they are left out. */
function withDefaults(segment: string, id: string, body: Document): Document {
  const properties = asRecord(body.properties)
  const isNamed = properties.isAnonymous !== true
  if (segment === 'components' && isNamed && isRecord(properties.componentSpec)) {
    const componentSpec = withNameAndVersion(id, properties.componentSpec)
    return { ...body, properties: { ...properties, componentSpec } }
  }
  if (segment !== 'environments' || !isRecord(properties.build)) return body
  const build = {
    ...properties.build,
    dockerfilePath: properties.build.dockerfilePath ?? 'Dockerfile',
  }
  return { ...body, properties: { ...properties, build } }
}

/** A specification without a version gets that of its address: clients read it from there. */
function withNameAndVersion(id: string, spec: Document): Document {
  const [name, , version] = id.split('/').slice(-3)
  return { ...spec, name: spec.name ?? name, version: spec.version ?? version }
}

/** Feature kinds, and everything in a registry (facts, section 1, style R). */
const isLongWritten = (type: string) => /\/feature|\/registries\//.test(type)
