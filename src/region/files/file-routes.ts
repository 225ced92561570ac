import type { Need } from '../blob/blob-auth.ts'
import { header } from '../blob/blob-request.ts'
import type { Answer } from '../blob/container-operations.ts'
import { storageError } from '../blob/storage-error.ts'
import type { Send } from '../blob/storage-server.ts'
import * as content from './content-operations.ts'
import { type FileCall, nodeKeyOf } from './file-request.ts'
import type { FileService } from './file-service.ts'
import * as nodes from './node-operations.ts'
import * as shares from './share-operations.ts'

export interface FileRoute {
  readonly need: (call: FileCall, service: FileService) => Need
  /** Undefined: the operation wrote its answer itself. */
  readonly run: (
    call: FileCall,
    service: FileService,
    send: Send,
  ) => Answer | undefined | Promise<Answer | undefined>
}

const route = (
  permissions: string,
  resource: Need['resource'],
  serviceSas: boolean,
  run: FileRoute['run'],
): FileRoute => ({ need: () => ({ permissions, resource, serviceSas }), run })

const service: Record<string, FileRoute> = {
  'GET list': route('l', 's', false, shares.listShares),
  'GET service properties': route('r', 's', false, shares.serviceProperties),
}

const shareProperties = route('r', 'c', false, shares.shareProperties)
const share: Record<string, FileRoute> = {
  'PUT share': route('wc', 'c', false, shares.createShare),
  'DELETE share': route('d', 'c', false, shares.deleteShare),
  'GET share': shareProperties,
  'HEAD share': shareProperties,
  'GET share metadata': shareProperties,
  'HEAD share metadata': shareProperties,
  'PUT share metadata': route('w', 'c', false, shares.setShareMetadata),
  'PUT share properties': route('w', 'c', false, shares.setShareProperties),
  'GET share stats': route('r', 'c', false, shares.shareStats),
  'GET share acl': route('r', 'c', false, shares.shareAcl),
}

const directoryProperties = route('r', 'o', true, nodes.directoryProperties)
const readFile: FileRoute = route('r', 'o', true, content.readFile)

/** Creating something new asks for less than replacing what is there. */
const putFile: FileRoute = {
  need: (call, { store }) => ({
    permissions: store.tables.node(nodeKeyOf(call)) === undefined ? 'wc' : 'w',
    resource: 'o',
    serviceSas: true,
  }),
  run: (call, service) =>
    header(call, 'x-ms-copy-source') === undefined
      ? nodes.createFile(call, service)
      : content.copyFile(call, service),
}

const node: Record<string, FileRoute> = {
  'PUT directory': route('wc', 'o', true, nodes.createDirectory),
  'DELETE directory': route('d', 'o', true, nodes.deleteDirectory),
  'GET directory': directoryProperties,
  'HEAD directory': directoryProperties,
  'GET directory list': route('l', 'c', true, nodes.listDirectory),
  'PUT directory metadata': route('w', 'o', true, nodes.setDirectoryMetadata),
  'PUT directory properties': route('w', 'o', true, nodes.setDirectoryProperties),
  'PUT directory rename': route('w', 'o', true, nodes.renameDirectory),
  PUT: putFile,
  GET: readFile,
  HEAD: readFile,
  'GET metadata': readFile,
  'HEAD metadata': readFile,
  DELETE: route('d', 'o', true, nodes.deleteFile),
  'PUT range': route('w', 'o', true, content.putRange),
  'GET rangelist': route('r', 'o', true, content.listRanges),
  'PUT properties': route('w', 'o', true, nodes.setFileProperties),
  'PUT metadata': route('w', 'o', true, nodes.setFileMetadata),
  'PUT rename': route('w', 'o', true, nodes.renameFile),
  'GET listhandles': route('l', 'o', true, nodes.listHandles),
  'PUT forceclosehandles': route('w', 'o', true, nodes.closeHandles),
}

/** The root directory has the address of its share. */
const root: Record<string, FileRoute> = Object.fromEntries(
  Object.entries(node).filter(([name]) => /^(GET|HEAD) directory|handles$/.test(name)),
)

/** The names of all operations, by what they are about. */
export const fileOperations = {
  service: Object.keys(service),
  container: Object.keys({ ...share, ...root }),
  blob: Object.keys(node),
}

/** The operation a request names by method, `restype` and `comp`; throws when there is none. */
export function findFileRoute(call: FileCall): FileRoute {
  const { method, query } = call
  const restype = query.get('restype')
  const comp = query.get('comp')
  const named = [method, restype, comp].filter((part) => part !== undefined).join(' ')
  if (query.has('sharesnapshot') || comp === 'snapshot') throw notOffered('share snapshots')
  const routes =
    call.container === undefined ? service : call.blob === undefined ? { ...share, ...root } : node
  const found = routes[named]
  if (found !== undefined) return found
  if (comp === undefined && restype === undefined) throw storageError('UnsupportedHttpVerb')
  throw notOffered(`the operation '${named}'`)
}

const notOffered = (what: string): Error =>
  storageError('NotImplemented', `This region does not offer ${what}.`)
