import pLimit from 'p-limit'
import { parentId, workspaceIdOf } from '../arm/arm-path.ts'
import { asRecord, asText, type Document } from '../arm/document.ts'
import { type ArmResource, AzureError, type KindBehaviour, type RegionContext } from '../context.ts'
import { namedCollections, registerCollections } from './data-collector.ts'
import { presentIdentity } from './endpoint-identity.ts'
import { keyActions, keysFor } from './endpoint-keys.ts'
import { type ModelServer, startModelServer } from './model-server.ts'

export const endpointType = 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints'
export const deploymentType = `${endpointType}/deployments`

/** Deployments that serve now, by lower-case ARM id. */
export class Serving {
  readonly #region: RegionContext
  readonly #servers = new Map<string, ModelServer>()
  readonly #unserved = new Map<string, string>()
  /** Each start runs Python's imports; more at once only make all of them late. */
  readonly #limit = pLimit(2)
  #stopped = false

  constructor(region: RegionContext) {
    this.#region = region
  }

  of(deploymentId: string): ModelServer | undefined {
    return this.#servers.get(deploymentId.toLowerCase())
  }

  /** Starts or replaces; the old server answers until the new one is ready. */
  async deploy(deployment: ArmResource): Promise<void> {
    await this.#limit(async () => {
      if (this.#stopped) return
      const key = deployment.id.toLowerCase()
      const server = await this.#start(deployment)
      if (!server) return
      const before = this.#servers.get(key)
      this.#servers.set(key, server)
      void server.exited.then(() => {
        if (this.#servers.get(key) === server) this.#servers.delete(key)
      })
      await before?.stop()
    })
  }

  /** Why a deployment is stored and not served; undefined when it is served, or is to be. */
  whyNot(deploymentId: string): string | undefined {
    return this.#unserved.get(deploymentId.toLowerCase())
  }

  async #start(deployment: ArmResource): Promise<ModelServer | undefined> {
    const key = deployment.id.toLowerCase()
    this.#unserved.delete(key)
    try {
      return await startModelServer(this.#region, deployment)
    } catch (error) {
      if (!(error instanceof AzureError) || error.status !== 501) throw error
      await this.remove(deployment.id)
      this.#unserved.set(key, error.message)
      return undefined
    }
  }

  async remove(deploymentId: string): Promise<void> {
    const key = deploymentId.toLowerCase()
    const server = this.#servers.get(key)
    this.#servers.delete(key)
    this.#unserved.delete(key)
    await server?.stop()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    const servers = [...this.#servers.values()]
    this.#servers.clear()
    await Promise.allSettled(servers.map((server) => server.stop()))
  }
}

export function onlineBehaviours(region: RegionContext, serving: Serving): KindBehaviour[] {
  return [endpointBehaviour(region), deploymentBehaviour(region, serving)]
}

function endpointBehaviour(region: RegionContext): KindBehaviour {
  return {
    type: endpointType,
    lro: 'endpoint',
    beforePut: (request) => {
      const { body, secrets } = keysFor(request)
      const properties = asRecord(body.properties)
      const traffic = asRecord(properties.traffic)
      checkTraffic(region, request.id, traffic)
      checkMirror(region, request.id, traffic, asRecord(properties.mirrorTraffic))
      const guid = workspaceGuid(region, request.id)
      const base = `${region.origin}/inference/${guid}/${request.id.split('/').at(-1)}`
      return {
        body: {
          ...body,
          location: body.location ?? region.name,
          kind: body.kind ?? 'Managed',
          properties: {
            authMode: 'Key',
            publicNetworkAccess: 'Enabled',
            traffic: {},
            mirrorTraffic: {},
            properties: {},
            ...properties,
            scoringUri: `${base}/score`,
            swaggerUri: `${base}/swagger.json`,
          },
        },
        secrets: { ...secrets },
      }
    },
    present: (endpoint) => presentIdentity(endpoint, region),
    actions: keyActions(region, endpointType),
  }
}

/** Shares are whole percentages of deployments that exist and add up to 0 or 100, as Azure ML demands. */
function checkTraffic(region: RegionContext, endpointId: string, traffic: Document): void {
  const shares = Object.values(traffic).map(Number)
  const sum = shares.reduce((total, share) => total + share, 0)
  if (shares.some((share) => !Number.isInteger(share) || share < 0) || (sum !== 0 && sum !== 100)) {
    throw new AzureError(
      400,
      'BadArgument',
      `The traffic of an endpoint must add up to 0 or 100 percent; it adds up to ${sum}.`,
    )
  }
  for (const [name, share] of Object.entries(traffic)) {
    if (Number(share) > 0 && !region.resources.get(`${endpointId}/deployments/${name}`)) {
      throw new AzureError(
        400,
        'BadArgument',
        `The traffic names the deployment '${name}', which does not exist.`,
      )
    }
  }
}

/** One deployment that takes no traffic of its own gets a copy of at most half of the requests. */
function checkMirror(
  region: RegionContext,
  endpointId: string,
  traffic: Document,
  mirror: Document,
): void {
  const mirrored = Object.entries(mirror).filter(([, share]) => Number(share) !== 0)
  const [name, share] = mirrored[0] ?? []
  if (name === undefined) return
  const refuse = (message: string): never => {
    throw new AzureError(400, 'BadArgument', message)
  }
  if (mirrored.length > 1) refuse('Traffic can be mirrored to one deployment only.')
  if (!Number.isInteger(share) || Number(share) < 0 || Number(share) > 50)
    refuse('The mirrored traffic must be between 0 and 50 percent.')
  if (Number(traffic[name] ?? 0) > 0)
    refuse(`The deployment '${name}' takes traffic of its own and cannot be mirrored to.`)
  if (!region.resources.get(`${endpointId}/deployments/${name}`))
    refuse(`The mirrored traffic names the deployment '${name}', which does not exist.`)
}

function deploymentBehaviour(region: RegionContext, serving: Serving): KindBehaviour {
  return {
    type: deploymentType,
    lro: 'endpoint',
    beforePut: ({ id, body, existing }) => {
      const properties = asRecord(body.properties)
      if (!region.resources.get(parentId(id)))
        throw new AzureError(
          404,
          'ParentResourceNotFound',
          `The endpoint of deployment '${id.split('/').at(-1)}' does not exist.`,
        )
      const sku = existing?.body.sku ?? { name: 'Default', capacity: 1 }
      return {
        body: {
          sku,
          ...body,
          location: body.location ?? region.name,
          properties: {
            endpointComputeType: 'Managed',
            appInsightsEnabled: false,
            scaleSettings: { scaleType: 'Default' },
            properties: {},
            ...properties,
            ...namedCollections(id, properties),
          },
        },
      }
    },
    afterPut: async (resource, _change, actor) => {
      registerCollections(region, resource, actor)
      await serving.deploy(resource)
    },
    beforeDelete: (resource) => {
      const endpoint = region.resources.get(parentId(resource.id))
      const share = Number(
        asRecord(asRecord(endpoint?.body.properties).traffic)[resource.name] ?? 0,
      )
      if (endpoint && share > 0)
        throw new AzureError(
          400,
          'BadArgument',
          `The deployment '${resource.name}' still takes ${share} percent of the traffic.`,
        )
    },
    afterDelete: async (resource) => {
      await serving.remove(resource.id)
    },
    actions: {
      getlogs: async (resource, body) => {
        const tail = Number(asRecord(body).tail ?? 100)
        return {
          status: 200,
          body: { content: serving.of(resource.id)?.log(Number.isFinite(tail) ? tail : 100) ?? '' },
        }
      },
    },
  }
}

export function workspaceGuid(region: Pick<RegionContext, 'resources'>, id: string): string {
  return (
    asText(asRecord(region.resources.get(workspaceIdOf(id) ?? '')?.body.properties).workspaceId) ??
    ''
  )
}
