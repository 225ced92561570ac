import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type ArtifactEntry, artifactRoot, artifactStore } from '../artifact-store.ts'
import { asked, type DataPlane } from '../data-plane.ts'
import { mlflowCall, optional } from './input.ts'
import { invalid, missing } from './mlflow-error.ts'
import { requireRun } from './run-routes.ts'

/** `artifacts/list`: what a run's folder holds, by paths relative to the run's root. */
export function mlflowArtifactListRoutes(scope: FastifyInstance, dp: DataPlane): void {
  scope.get('/artifacts/list', async (request) => {
    const { ws, workspaceId, input } = mlflowCall(dp, request)
    const root = artifactRoot(requireRun(dp, ws, input))
    const path = optional(input, 'path')?.replace(/^\/+|\/+$/g, '') ?? ''
    // In MLflow's own words: its clients show them.
    if (path.split('/').includes('..')) throw invalid('Invalid path')
    const folder = path === '' ? root : `${root}/${path}`
    const entries = artifactStore(dp.region, workspaceId).entries(folder)
    return { root_uri: `mlflow-artifacts:/${root}`, files: entries.map((e) => fileInfo(e, path)) }
  })
}

/**
 * The artifact proxy (`mlflow-artifacts:`), so that a plain MLflow client reads and writes artifacts
 * with nothing but the tracking address. Bodies are streamed, whatever their type and size, so these
 * routes live in a scope without body parsers.
 */
export function mlflowArtifactRoutes(scope: FastifyInstance, dp: DataPlane): void {
  const storeOf = (request: FastifyRequest) => {
    const { workspaceId, params } = asked(dp, request)
    return { store: artifactStore(dp.region, workspaceId), path: params['*'] ?? '' }
  }

  scope.get('/artifacts', async (request) => {
    const { store } = storeOf(request)
    const { query } = asked(dp, request)
    return { files: store.entries(query.path ?? '').map((entry) => fileInfo(entry, '')) }
  })
  scope.get('/artifacts/*', async (request, reply) => {
    const { store, path } = storeOf(request)
    const found = store.open(path)
    if (found === undefined) throw missing(`No such artifact: '${path}'`)
    return reply
      .header('content-type', found.blob.contentType || 'application/octet-stream')
      .header('content-length', found.blob.sizeBytes)
      .header('x-content-type-options', 'nosniff')
      .send(Readable.from(found.content))
  })
  scope.put('/artifacts/*', async (request) => {
    const { store, path } = storeOf(request)
    await store.put(path, request.raw, request.headers['content-type'])
    return {}
  })
  scope.delete('/artifacts/*', async (request) => {
    const { store, path } = storeOf(request)
    if (store.remove(path) === 0) throw missing(`No such artifact: '${path}'`)
    return {}
  })
}

export const fileInfo = ({ name, isFolder, sizeBytes }: ArtifactEntry, folder: string) => ({
  path: folder === '' ? name : `${folder}/${name}`,
  is_dir: isFolder,
  ...(sizeBytes !== undefined && { file_size: sizeBytes }),
})
