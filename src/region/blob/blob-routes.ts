import type { Need } from './blob-auth.ts'
import type { ServedBlobEngine } from './blob-engine.ts'
import * as blobs from './blob-operations.ts'
import { type BlobCall, blobKeyOf, header } from './blob-request.ts'
import type { Answer } from './container-operations.ts'
import * as containers from './container-operations.ts'
import { copyBlob, putBlobFromUrl, putBlockFromUrl } from './copy-operations.ts'
import type { CopySources } from './copy-source.ts'
import { readBlob } from './read-blob.ts'
import { serviceProperties, setServiceProperties } from './service-properties.ts'
import { storageError } from './storage-error.ts'

export interface RouteInput {
  readonly call: BlobCall
  readonly engine: ServedBlobEngine
  readonly sources: CopySources
  readonly send: (status: number, headers: Record<string, string | number | undefined>) => void
}

export interface Route {
  readonly need: (call: BlobCall, engine: ServedBlobEngine) => Need
  /** Undefined: the operation wrote its answer itself. */
  readonly run: (input: RouteInput) => Answer | undefined | Promise<Answer | undefined>
}

const needs = (permissions: string, resource: Need['resource'], serviceSas: boolean) => () => ({
  permissions,
  resource,
  serviceSas,
})

/** Creating something new asks for less than replacing what is there. */
function needsWrite(call: BlobCall, engine: ServedBlobEngine): Need {
  const isNew = engine.store.tables.blob(blobKeyOf(call)) === undefined
  return { permissions: isNew ? 'wc' : 'w', resource: 'o', serviceSas: true }
}

/** Deleting a version, or deleted data for good, is a permission of its own. */
function needsDelete({ query }: BlobCall): Need {
  const isPermanent = query.has('deletetype')
  const permissions = isPermanent ? 'y' : query.has('versionid') ? 'x' : 'd'
  return { permissions, resource: 'o', serviceSas: true }
}

const plain =
  (run: (call: BlobCall, engine: ServedBlobEngine) => Answer | Promise<Answer>): Route['run'] =>
  ({ call, engine }) =>
    run(call, engine)

const service: Record<string, Route> = {
  'GET list': { need: needs('l', 's', false), run: plain(containers.listContainers) },
  'GET service properties': { need: needs('r', 's', false), run: plain(serviceProperties) },
  'PUT service properties': { need: needs('w', 's', false), run: plain(setServiceProperties) },
}

const accountInformation: Route = {
  need: needs('racwdl', 'o', true),
  run: plain(containers.accountInformation),
}

const containerProperties: Route = {
  need: needs('r', 'c', false),
  run: plain(containers.containerProperties),
}

const container: Record<string, Route> = {
  'PUT container': { need: needs('wc', 'c', false), run: plain(containers.createContainer) },
  'DELETE container': { need: needs('d', 'c', false), run: plain(containers.deleteContainer) },
  'GET container': containerProperties,
  'HEAD container': containerProperties,
  'GET container metadata': containerProperties,
  'HEAD container metadata': containerProperties,
  'PUT container metadata': {
    need: needs('w', 'c', false),
    run: plain(containers.setContainerMetadata),
  },
  'GET container acl': { need: needs('r', 'c', false), run: plain(containers.containerAcl) },
  'HEAD container acl': { need: needs('r', 'c', false), run: plain(containers.containerAcl) },
  'PUT container undelete': {
    need: needs('w', 'c', false),
    run: plain(containers.restoreContainer),
  },
  'GET container list': { need: needs('l', 'c', true), run: plain(containers.listBlobsOf) },
}

const read: Route = {
  need: needs('r', 'o', true),
  async run({ call, engine, send }) {
    await readBlob(call, engine, send)
    return undefined
  },
}

const put: Route = {
  need: needsWrite,
  run({ call, engine, sources }) {
    if (header(call, 'x-ms-copy-source') === undefined) return blobs.putBlob(call, engine)
    const isPutFromUrl = header(call, 'x-ms-blob-type') !== undefined
    return (isPutFromUrl ? putBlobFromUrl : copyBlob)(call, engine, sources)
  },
}

const putBlock: Route = {
  need: needsWrite,
  run({ call, engine, sources }) {
    const isFromUrl = header(call, 'x-ms-copy-source') !== undefined
    return isFromUrl ? putBlockFromUrl(call, engine, sources) : blobs.putBlock(call, engine)
  },
}

const abortCopy: Route = {
  need: needs('w', 'o', true),
  run() {
    throw storageError('NoPendingCopyOperation')
  },
}

const blob: Record<string, Route> = {
  GET: read,
  HEAD: read,
  'GET metadata': read,
  'HEAD metadata': read,
  PUT: put,
  'PUT copy': abortCopy,
  'PUT block': putBlock,
  'PUT blocklist': { need: needsWrite, run: plain(blobs.putBlockList) },
  'GET blocklist': { need: needs('r', 'o', true), run: plain(blobs.getBlockList) },
  'PUT metadata': { need: needs('w', 'o', true), run: plain(blobs.setMetadata) },
  'PUT properties': { need: needs('w', 'o', true), run: plain(blobs.setProperties) },
  'PUT tier': { need: needs('w', 'o', true), run: plain(blobs.setTier) },
  'PUT lease': { need: needs('wd', 'o', true), run: plain(blobs.leaseBlob) },
  'PUT snapshot': { need: needs('wc', 'o', true), run: plain(blobs.snapshotBlob) },
  'PUT undelete': { need: needs('w', 'o', true), run: plain(blobs.undeleteBlob) },
  DELETE: { need: needsDelete, run: plain(blobs.deleteBlob) },
}

/** What can be asked of a snapshot or a version; the rest is for the blob as it is now. */
const ofStates = new Set(['GET', 'HEAD', 'GET metadata', 'HEAD metadata', 'DELETE'])

/** The names of all operations, by what they are about. */
export const blobOperations = {
  service: Object.keys(service),
  container: Object.keys(container),
  blob: Object.keys(blob),
}

/** The operation a request names by method, `restype` and `comp`; throws when there is none. */
export function findRoute(call: BlobCall): Route {
  const { method, query } = call
  const restype = query.get('restype')
  const comp = query.get('comp')
  if (restype === 'account' && comp === 'properties') return accountInformation
  const named = [method, restype, comp].filter((part) => part !== undefined).join(' ')
  if ((query.has('snapshot') || query.has('versionid')) && !ofStates.has(named))
    throw notOffered(`'${named}' of a snapshot or version`)
  const routes = call.container === undefined ? service : call.blob === undefined ? container : blob
  const route = routes[named]
  if (route !== undefined) return route
  if (comp === undefined && restype === undefined) throw storageError('UnsupportedHttpVerb')
  throw notOffered(`the operation '${named}'`)
}

function notOffered(what: string): Error {
  return storageError('NotImplemented', `This region does not offer ${what}.`)
}
