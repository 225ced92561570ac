import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { asRecord, asText } from '../arm/document.ts'
import { type ArmResource, AzureError, type RegionContext } from '../context.ts'
import { hasKey } from './endpoint-keys.ts'
import type { ModelServer } from './model-server.ts'
import { deploymentType, endpointType, type Serving, workspaceGuid } from './online-endpoints.ts'

const workspaceType = 'Microsoft.MachineLearningServices/workspaces'
export const scoringAudiences = [
  'https://ml.azure.com',
  'https://ml.azure.localhost',
  'https://management.azure.com',
]
const bodyLimitBytes = 16 * 1024 * 1024

/**
 * `POST /inference/{workspace GUID}/{endpoint}/score`: what a managed online endpoint answers. A key or
 * token is asked for as the endpoint's `authMode` says; `azureml-model-deployment` picks a deployment
 * and is always reported back, `x-ms-region` says which region answered.
 */
export function registerScoring(
  app: FastifyInstance,
  region: RegionContext,
  serving: Serving,
  random: () => number = Math.random,
): void {
  const endpoints = new Map<string, string>()

  void app.register(async (scope) => {
    // The payload belongs to the scoring script: bytes in, bytes out.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    )
    scope.route({
      method: ['POST', 'GET'],
      url: '/inference/:guid/:endpoint/score',
      config: { access: 'own' },
      bodyLimit: bodyLimitBytes,
      handler: (request, reply) => score(request, reply),
    })
  })

  async function score(request: FastifyRequest, reply: FastifyReply) {
    const { guid = '', endpoint: name = '' } = request.params as Record<string, string>
    const endpoint = find(guid, name)
    await authenticate(endpoint, request.headers.authorization)
    const deployment = choose(endpoint, request.headers['azureml-model-deployment'])
    const server = serving.of(`${endpoint.id}/deployments/${deployment}`)
    if (!server) throw whyNoServer(`${endpoint.id}/deployments/${deployment}`, deployment)
    const payload = payloadOf(request)
    if (request.headers['azureml-model-deployment'] === undefined) mirror(endpoint, payload)
    const answer = await ask(server, payload).catch((cause: unknown) => {
      throw new AzureError(
        502,
        'BadGateway',
        `The deployment '${deployment}' broke off: ${cause instanceof Error ? cause.message : String(cause)}.`,
      )
    })
    const body = Buffer.from(await answer.body.arrayBuffer())
    return reply
      .code(answer.statusCode === 500 ? 424 : answer.statusCode)
      .header('content-type', String(answer.headers['content-type'] ?? 'application/json'))
      .header('azureml-model-deployment', deployment)
      .header('x-ms-region', region.name)
      .send(body)
  }

  function whyNoServer(id: string, name: string): AzureError {
    const reason = serving.whyNot(id)
    if (reason !== undefined) return new AzureError(501, 'NotImplemented', reason)
    const retry = { 'retry-after': '1' }
    const message = `The deployment '${name}' is not ready.`
    return new AzureError(503, 'ServiceUnavailable', message, undefined, retry)
  }

  /** A share of the requests is scored a second time by another deployment; its answers go nowhere. */
  function mirror(endpoint: ArmResource, payload: Payload): void {
    const shares = asRecord(asRecord(endpoint.body.properties).mirrorTraffic)
    for (const [name, share] of Object.entries(shares)) {
      if (random() * 100 >= Number(share)) continue
      const server = serving.of(`${endpoint.id}/deployments/${name}`)
      if (!server) continue
      // Nobody waits for it, and its own log holds what went wrong in the script.
      ask(server, payload).then(
        (answer) => answer.body.dump(),
        (error: unknown) =>
          region.log.warn({ deployment: name, error: String(error) }, 'mirrored request failed'),
      )
    }
  }

  /** Names stay valid once found; the document itself is read each time, so traffic switches at once. */
  function find(guid: string, name: string): ArmResource {
    const key = `${guid}/${name}`.toLowerCase()
    const known = region.resources.get(endpoints.get(key) ?? '')
    if (known) return known
    const workspace = workspaceByGuid(region, guid)
    const endpoint = workspace && region.resources.get(`${workspace.id}/onlineEndpoints/${name}`)
    if (endpoint) {
      endpoints.set(key, endpoint.id)
      return endpoint
    }
    throw new AzureError(404, 'NotFound', `There is no endpoint '${name}'.`)
  }

  async function authenticate(endpoint: ArmResource, header: string | undefined): Promise<void> {
    const [, given = ''] = /^Bearer\s+(.+)$/i.exec(header ?? '') ?? []
    if (asRecord(endpoint.body.properties).authMode === 'Key') {
      if (!hasKey(endpoint, given))
        throw new AzureError(
          401,
          'Unauthorized',
          'The key of this endpoint is needed: Authorization: Bearer <key>.',
          undefined,
          { 'www-authenticate': 'Bearer' },
        )
      return
    }
    await region.authority.verify(header, scoringAudiences)
  }

  function choose(endpoint: ArmResource, forced: string | string[] | undefined): string {
    const name = Array.isArray(forced) ? forced[0] : forced
    if (name !== undefined) {
      if (!region.resources.get(`${endpoint.id}/deployments/${name}`))
        throw new AzureError(404, 'NotFound', `There is no deployment '${name}'.`)
      return name
    }
    let point = random() * 100
    for (const [deployment, share] of Object.entries(
      asRecord(asRecord(endpoint.body.properties).traffic),
    )) {
      point -= Number(share)
      if (point < 0) return deployment
    }
    throw new AzureError(
      404,
      'NotFound',
      `The endpoint '${endpoint.name}' has no deployment that takes traffic.`,
    )
  }
}

interface Payload {
  readonly method: 'GET' | 'POST'
  readonly body: Buffer | null
  readonly contentType: string
}

function payloadOf(request: FastifyRequest): Payload {
  const contentType = request.headers['content-type'] ?? 'application/json'
  if (request.method === 'GET') return { method: 'GET', body: null, contentType }
  const body = (request.body as Buffer | undefined) ?? Buffer.alloc(0)
  return { method: 'POST', body, contentType }
}

const ask = (server: ModelServer, { method, body, contentType }: Payload) =>
  server.pool.request({ method, path: '/score', body, headers: { 'content-type': contentType } })

export function workspaceByGuid(region: RegionContext, guid: string): ArmResource | undefined {
  for (const workspace of workspaces(region))
    if (workspaceGuid(region, workspace.id).toLowerCase() === guid.toLowerCase()) return workspace
  return undefined
}

export function* workspaces(region: Pick<RegionContext, 'resources'>): Generator<ArmResource> {
  yield* region.resources.list('', workspaceType, { limit: 10_000 })
}

/** After a start: everything that was deployed is served again. */
export async function resumeServing(region: RegionContext, serving: Serving): Promise<void> {
  const starts: Promise<void>[] = []
  for (const workspace of workspaces(region)) {
    for (const endpoint of region.resources.list(workspace.id, endpointType, { limit: 10_000 })) {
      for (const deployment of region.resources.list(endpoint.id, deploymentType, {
        limit: 1000,
      })) {
        // One that had not settled is taken up by its own operation.
        if (asText(asRecord(deployment.body.properties).provisioningState) !== 'Succeeded') continue
        starts.push(
          serving.deploy(deployment).catch((error: unknown) => {
            region.log.error(
              { deployment: deployment.id, error: String(error) },
              'deployment cannot be served again',
            )
            region.resources.amend(deployment.id, (body) => ({
              ...body,
              properties: { ...asRecord(body.properties), provisioningState: 'Failed' },
            }))
          }),
        )
      }
    }
  }
  await Promise.all(starts)
}
