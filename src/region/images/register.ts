import { join } from 'node:path'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { openUnlessFull } from '../blob/content-files.ts'
import type { RegionContext } from '../context.ts'
import { leaveBodies } from '../dataplane/json-body.ts'
import { toAzureError } from '../http/azure-answer.ts'
import { ImageTables } from './image-tables.ts'
import { LayerFiles } from './layer-files.ts'
import { layerOperations } from './layer-operations.ts'
import { manifestOperations } from './manifest-operations.ts'
import { containerRegistryType, loginServerOf } from './registry-address.ts'
import { registryError, registryErrorBody } from './registry-error.ts'
import type { AskedImage, ImageOperation } from './registry-operation.ts'
import { type AskedRegistry, registrySignIn } from './registry-sign-in.ts'

export interface ImageStore {
  readonly tables: ImageTables
  readonly layers: LayerFiles
  /** Everything of a registry that is deleted. */
  forget(registry: string): void
}

export function openImageStore(
  { db, dataDir }: Pick<RegionContext, 'db' | 'dataDir'>,
  isDiskFull: () => boolean,
): ImageStore {
  const tables = new ImageTables(db)
  const layers = new LayerFiles(join(dataDir, 'images'), openUnlessFull(isDiskFull))
  return {
    tables,
    layers,
    forget(registry) {
      tables.forget(registry)
      layers.forget(registry)
    },
  }
}

const methods = ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE'] as const
const form = 'application/x-www-form-urlencoded'

/**
 * The distribution API (v2) of every container registry of the region. A request to
 * `{name}.azurecr.localhost` is rewritten to `/registry/{name}/…`: names of repositories have slashes,
 * so the rest of the path is matched here.
 */
export function registerImages(
  app: FastifyInstance,
  options: {
    readonly region: RegionContext
    readonly images: ImageStore
    readonly audiences: readonly string[]
  },
): void {
  const { region, images, audiences } = options
  const signIn = registrySignIn(region, audiences)
  const operations = [...manifestOperations(images), ...layerOperations(images)]
  const own = { config: { access: 'own' as const } }

  const registryOf = (request: FastifyRequest): AskedRegistry => {
    const { registry } = request.params as { registry: string }
    const name = registry.toLowerCase()
    const resource = region.resources
      .list('', containerRegistryType)
      .find((one) => one.name.toLowerCase() === name)
    if (resource === undefined)
      throw registryError(404, 'NAME_UNKNOWN', `There is no registry named '${name}'.`)
    return { resource, server: loginServerOf(name, region.origin) }
  }

  app.register(async (scope) => {
    answerAsRegistry(scope, region)
    scope.addContentTypeParser(form, { parseAs: 'string' }, (_request, body, done) =>
      done(null, formOf(String(body))),
    )
    const formIn = ({ body }: FastifyRequest) => (body ?? {}) as ReturnType<typeof formOf>
    scope.post('/registry/:registry/oauth2/exchange', own, async (request) =>
      signIn.exchange(registryOf(request), formIn(request)),
    )
    scope.post('/registry/:registry/oauth2/token', own, async (request) =>
      signIn.token(registryOf(request), formIn(request)),
    )
    scope.get('/registry/:registry/oauth2/token', own, async (request) => {
      const query = formOf(request.url.split('?')[1] ?? '')
      return signIn.tokenFor(registryOf(request), request.headers.authorization, query.scope)
    })
  })

  app.register(async (scope) => {
    answerAsRegistry(scope, region)
    leaveBodies(scope)
    scope.all(
      '/registry/:registry/*',
      { config: { access: 'own', refuses: true } },
      async (request) => {
        throw registryError(501, 'UNSUPPORTED', `Not offered: ${request.method} ${request.url}`)
      },
    )
    const base = '/registry/:registry/v2'
    scope.get(base, own, async (request, reply) => {
      await signIn.authorize(registryOf(request), request.headers.authorization, undefined)
      return reply.header('docker-distribution-api-version', 'registry/2.0').send({})
    })
    scope.route({
      method: [...methods],
      url: `${base}/*`,
      ...own,
      handler: async (request, reply) => {
        const registry = registryOf(request)
        const { operation, asked } = operationOf(operations, request, registry)
        const wanted = operation.scope(asked)
        await signIn.authorize(registry, request.headers.authorization, wanted)
        reply.header('docker-distribution-api-version', 'registry/2.0')
        return operation.perform(asked, reply)
      },
    })
  })
}

function operationOf(
  operations: readonly ImageOperation[],
  request: FastifyRequest,
  { resource }: AskedRegistry,
): { operation: ImageOperation; asked: AskedImage } {
  const { '*': path } = request.params as { '*': string }
  for (const operation of operations) {
    if (!operation.methods.includes(request.method)) continue
    const match = operation.path.exec(path)
    if (match === null) continue
    const [, repository = '', reference = ''] = match
    const registry = resource.name.toLowerCase()
    const query = formOf(request.url.split('?')[1] ?? '')
    return { operation, asked: { registry, repository, reference, query, request } }
  }
  throw registryError(501, 'UNSUPPORTED', `This region does not offer ${request.method} ${path}.`)
}

function answerAsRegistry(scope: FastifyInstance, { log }: RegionContext): void {
  scope.setErrorHandler((error, _request: FastifyRequest, reply: FastifyReply) => {
    const answer = toAzureError(error, log)
    return reply.code(answer.status).headers(answer.headers).send(registryErrorBody(answer))
  })
}

/** The same name twice is one text with blanks between: how scopes are given. */
function formOf(text: string): Readonly<Record<string, string>> {
  const values: Record<string, string> = {}
  for (const [name, value] of new URLSearchParams(text))
    values[name] = values[name] === undefined ? value : `${values[name]} ${value}`
  return values
}
