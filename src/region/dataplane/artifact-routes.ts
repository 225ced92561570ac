import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { asRecord, asText, type Document } from '../arm/document.ts'
import { AzureError, type StoredBlob } from '../context.ts'
import { type ArtifactStore, artifactRoot, artifactStore, safePath } from './artifact-store.ts'
import { type Asked, asked, type DataPlane, requireRun } from './data-plane.ts'

const pageOfArtifacts = 500

/** One way to say where artifacts are: as a run's, or by origin and container. */
interface Addressing {
  /** The URLs of an operation; the artifact's path may be their last part (`*`) or the query's. */
  urls(operation: string): string[]
  /** Folder in the container of all artifacts: `{origin}/{container}`. */
  folderOf(ask: Asked): string
}

const runPrefixes = ['', '/experiments/:experimentName', '/experimentids/:experimentId']
const ofRun = (dp: DataPlane): Addressing => ({
  urls: (operation) => runPrefixes.map((prefix) => `${prefix}/runs/:runId/artifacts${operation}`),
  folderOf: ({ ws, params }) => artifactRoot(requireRun(dp.runs, ws, params.runId)),
})
const ofService: Addressing = {
  urls: (operation) => {
    const base = `/artifacts${operation}/:origin/:container`
    return operation === '' || operation === '/batch/metadata' ? [base] : [base, `${base}/*`]
  },
  folderOf: ({ params }) => safePath(`${params.origin}/${params.container}`),
}

/** Artifacts of runs, under run history. */
export const runArtifactRoutes = (scope: FastifyInstance, dp: DataPlane) =>
  artifactRoutes(scope, dp, ofRun(dp))
export const runArtifactContentRoutes = (scope: FastifyInstance, dp: DataPlane) =>
  contentRoutes(scope, dp, ofRun(dp))
/** Artifacts v2.0, by origin and container. */
export const serviceArtifactRoutes = (scope: FastifyInstance, dp: DataPlane) =>
  artifactRoutes(scope, dp, ofService)
export const serviceArtifactContentRoutes = (scope: FastifyInstance, dp: DataPlane) =>
  contentRoutes(scope, dp, ofService)

interface Place {
  readonly store: ArtifactStore
  readonly folder: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly body: Document
}

function placeOf(dp: DataPlane, addressing: Addressing, request: FastifyRequest): Place {
  const ask = asked(dp, request)
  const path = (ask.params['*'] || ask.query.path) ?? ''
  return {
    store: artifactStore(dp.region, ask.workspaceId),
    folder: addressing.folderOf(ask),
    path: path.replace(/^\/+|\/+$/g, ''),
    query: ask.query,
    body: ask.body,
  }
}

function artifactRoutes(scope: FastifyInstance, dp: DataPlane, addressing: Addressing): void {
  const get = (operation: string, work: (place: Place) => unknown) => {
    for (const url of addressing.urls(operation))
      scope.get(url, async (request) => work(placeOf(dp, addressing, request)))
  }
  const information = (place: Place, path: string, permissions = 'r') => ({
    contentUri: place.store.address(`${place.folder}/${path}`, permissions),
    ...partsOf(place.folder, path),
  })

  get('', (place) => page(place, place.folder, artifact))
  get('/path', (place) => page(place, below(place), artifact))
  get('/metadata', (place) => artifact(place.folder, existing(place)))
  get('/contentinfo', (place) => {
    existing(place)
    return information(place, place.path)
  })
  get('/artifacturi', (place) => {
    existing(place)
    return place.store.address(`${place.folder}/${place.path}`, 'r')
  })
  get('/prefix/contentinfo', (place) =>
    page(place, below(place), (folder, blob) =>
      information(place, blob.name.slice(folder.length + 1)),
    ),
  )
  for (const url of addressing.urls('/batch/metadata'))
    scope.post(url, async (request) => announce(placeOf(dp, addressing, request)))

  /**
   * Says where to upload the content of artifacts that are not there yet. Nothing is stored: official
   * clients upload on the condition that the blob is new.
   */
  function announce(place: Place) {
    const paths = Array.isArray(place.body.paths) ? place.body.paths : undefined
    if (paths === undefined)
      throw new AzureError(400, 'ValidationError', "The list 'paths' is missing.")
    const artifacts: Document = {}
    const artifactContentInformation: Document = {}
    const errors: Document = {}
    for (const given of paths) {
      const path = safePath(asText(asRecord(given).path) ?? '')
      if (place.store.head(`${place.folder}/${path}`)) {
        errors[path] = { error: { code: 'UserError', message: `'${path}' exists already.` } }
        continue
      }
      artifacts[path] = located(place.folder, path)
      artifactContentInformation[path] = information(place, path, 'rcw')
    }
    return { artifacts, artifactContentInformation, errors }
  }
}

/** Content itself; bodies are streamed, so these routes live in a scope without body parsers. */
function contentRoutes(scope: FastifyInstance, dp: DataPlane, addressing: Addressing): void {
  for (const url of addressing.urls('/content')) {
    scope.route({
      method: ['POST', 'PUT'],
      url,
      handler: async (request) => {
        const place = placeOf(dp, addressing, request)
        const type = request.headers['content-type']
        const blob = await place.store.put(`${place.folder}/${place.path}`, request.raw, type)
        return artifact(place.folder, blob)
      },
    })
    scope.get(url, async (request, reply) => {
      const place = placeOf(dp, addressing, request)
      const found = place.store.open(`${place.folder}/${place.path}`)
      if (found === undefined) throw absent(place)
      return reply
        .header('content-type', found.blob.contentType || 'application/octet-stream')
        .header('content-length', found.blob.sizeBytes)
        .header('x-content-type-options', 'nosniff')
        .send(Readable.from(found.content))
    })
  }
}

function page<T>(
  { store, folder, query }: Place,
  within: string,
  show: (folder: string, blob: StoredBlob) => T,
) {
  const token = query.continuationToken
  const after = token ? Buffer.from(token, 'base64url').toString('utf8') : undefined
  const limit = pageOfArtifacts + 1
  const found = store.files(within, { limit, ...(after !== undefined && { after }) })
  const shown = found.slice(0, pageOfArtifacts)
  const last = shown.at(-1)
  const hasMore = found.length > shown.length && last !== undefined
  return {
    value: shown.map((blob) => show(folder, blob)),
    continuationToken: hasMore ? Buffer.from(last.name).toString('base64url') : null,
    nextLink: null,
  }
}

const below = ({ folder, path }: Place) => (path === '' ? folder : `${folder}/${path}`)

function existing(place: Place): StoredBlob {
  const blob = place.store.head(`${place.folder}/${place.path}`)
  if (blob) return blob
  throw absent(place)
}

const absent = ({ folder, path }: Place) =>
  new AzureError(404, 'UserError', `The artifact '${folder}/${path}' was not found.`)

function partsOf(folder: string, path: string) {
  const [origin = '', ...container] = folder.split('/')
  return { origin, container: container.join('/'), path, tags: {} }
}

const artifact = (folder: string, blob: StoredBlob) => ({
  ...located(folder, blob.name.slice(folder.length + 1)),
  etag: blob.etag,
  createdTime: blob.lastModified.toISOString(),
})
const located = (folder: string, path: string) => ({
  artifactId: `${folder}/${path}`,
  ...partsOf(folder, path),
  dataPath: { dataStoreName: 'workspaceartifactstore', relativePath: `${folder}/${path}` },
})
