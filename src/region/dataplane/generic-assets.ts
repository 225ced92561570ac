import type { FastifyInstance, FastifyRequest } from 'fastify'
import { asRecord, asText, type Document } from '../arm/document.ts'
import { type ArmResource, AzureError } from '../context.ts'
import { asked, type DataPlane } from './data-plane.ts'

const versionType = 'Microsoft.MachineLearningServices/workspaces/indexes/versions'

/**
 * Indexes of a workspace, as the service `genericasset` keeps them: versions under a name, beside
 * the resource manager. They go where their workspace goes.
 */
export function indexRoutes(scope: FastifyInstance, { region, ...dp }: DataPlane): void {
  const { resources } = region
  const within = (request: FastifyRequest) => {
    const { workspaceId, params, query, body } = asked({ region, ...dp }, request)
    const indexes = `${workspaceId}/indexes`
    return { indexes, index: `${indexes}/${params.name}`, params, query, body }
  }
  /** Named by the GUID of its workspace, in the form that clients take apart. */
  const view = ({ id, body, systemData }: ArmResource): Document => {
    const [, workspaceId = '', rest] = /^(.*?\/workspaces\/[^/]+)\/(.+)$/i.exec(id) ?? []
    const workspace = resources.get(workspaceId)
    const guid = asText(asRecord(workspace?.body.properties).workspaceId)
    const location = asText(workspace?.body.location)
    return {
      ...body,
      id: `azureml://locations/${location}/workspaces/${guid}/${rest}`,
      systemData,
    }
  }
  const versions = (id: string) => resources.list(id, versionType)
  const latest = (index: string) => {
    const newest = versions(index).at(-1)
    if (newest) return newest
    throw notFound(index)
  }

  scope.put('/indexes/:name/versions/:version', async (request, reply) => {
    const { index, params, body } = within(request)
    const id = `${index}/versions/${params.version}`
    const existing = resources.get(id)
    if (asText(body.storageUri) === undefined && existing === undefined)
      throw new AzureError(400, 'ValidationError', "'storageUri' is required.")
    const { id: _, systemData: __, ...written } = body
    const document = { body: joined(asRecord(existing?.body), written) }
    reply.code(existing ? 200 : 201)
    return view(resources.put(id, versionType, document, request.caller))
  })
  scope.get('/indexes/:name/versions/:version', async (request) => {
    const { index, params } = within(request)
    const id = `${index}/versions/${params.version}`
    const found = resources.get(id)
    if (!found) throw notFound(id)
    return view(found)
  })
  scope.get('/indexes/:name/versions', async (request) => {
    const { index, query } = within(request)
    const isShown = viewOf(query.listViewType)
    return { value: versions(index).toReversed().filter(isShown).map(view) }
  })
  scope.get('/indexes', async (request) => {
    const newest = new Map(
      versions(within(request).indexes).map((one) => [containerOf(one.id), one] as const),
    )
    return { value: [...newest.values()].map(view) }
  })
  scope.get('/indexes/:name', async (request) => view(latest(within(request).index)))
  // The router takes a colon in the middle of a part for a name.
  scope.post('/indexes/:question', async (request) => {
    const { indexes, params } = within(request)
    const [, name] = /^(.+):getNextVersion$/i.exec(params.question ?? '') ?? []
    if (name === undefined) throw notFound(`${indexes}/${params.question}`)
    const all = versions(`${indexes}/${name}`)
    const numbers = all.map((one) => (/^\d{1,15}$/.test(one.name) ? Number(one.name) : 0))
    return { latestVersion: all.at(-1)?.name ?? '', nextVersion: Math.max(0, ...numbers) + 1 }
  })
}

const containerOf = (id: string) => id.slice(0, id.lastIndexOf('/versions/'))

/** Properties are only ever added; everything else is as it was written last. */
function joined(before: Document, written: Document): Document {
  const properties = { ...asRecord(written.properties), ...asRecord(before.properties) }
  return { stage: 'Development', ...before, ...written, properties }
}

const isArchived = ({ body }: ArmResource) => /^archive/i.test(asText(body.stage) ?? '')

function viewOf(view: string | undefined): (index: ArmResource) => boolean {
  if (view === 'All') return () => true
  return view === 'ArchivedOnly' ? isArchived : (one) => !isArchived(one)
}

const notFound = (id: string) =>
  new AzureError(404, 'ResourceNotFound', `The resource '${id}' was not found.`)
