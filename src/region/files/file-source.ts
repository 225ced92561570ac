import { type Dispatcher, request } from 'undici'
import { type AuthOptions, authenticate } from '../blob/blob-auth.ts'
import { header, parseTarget } from '../blob/blob-request.ts'
import { copyAgent } from '../blob/copy-agent.ts'
import { httpUrl, unreadable } from '../blob/copy-source.ts'
import { storageError } from '../blob/storage-error.ts'
import { type FileCall, nodeKeyOf } from './file-request.ts'
import type { FileStore } from './file-store.ts'

/** A file or blob somewhere, opened for copying: either its content is read, or it is cancelled. */
export interface FileSource {
  readonly size: number
  readonly contentType: string | undefined
  readonly metadata: Readonly<Record<string, string>>
  content(): AsyncIterable<Uint8Array>
  cancel(): void
}

export interface FileSources {
  /** `range` as `bytes=a-b`. Throws `CannotVerifyCopySource`. */
  open(call: FileCall, url: string, range?: string): Promise<FileSource>
}

export interface FileSourceOptions extends AuthOptions {
  readonly store: FileStore
  /** PEM of certificate authorities to trust besides the public ones. */
  readonly ca?: string | undefined
  /** Says no when a fault cuts this region off from an address. */
  readonly isReachable?: ((url: string) => boolean) | undefined
}

/** Files of this region are read directly; blobs and everything else over HTTP, as by any client. */
export function fileSources(options: FileSourceOptions): FileSources {
  const { ca } = options
  // Made when it is first needed: its certificates take a while to read.
  let agent: Dispatcher | undefined
  return {
    open(call, url, range) {
      const parsed = httpUrl(url)
      if (isOwn(call, parsed)) return openOwn(call, parsed, range, options)
      if (options.isReachable?.(url) === false) throw unreadable('The address is not reachable.')
      agent ??= copyAgent(ca)
      return openRemote(call, url, range, agent)
    },
  }
}

const isOwn = (call: FileCall, url: URL): boolean =>
  /^[a-z0-9]+\.file\./i.test(url.host) &&
  url.host.split('.').slice(1).join('.') === call.req.headers.host?.split('.').slice(1).join('.')

async function openOwn(
  call: FileCall,
  url: URL,
  range: string | undefined,
  options: FileSourceOptions,
): Promise<FileSource> {
  const { store } = options
  const target = parseTarget(`${url.pathname}${url.search}`, url.host)
  await permitOwn(call, target, options)
  const row = store.tables.node(nodeKeyOf({ ...call, ...target }))
  if (row?.kind !== 'file') throw unreadable('The file does not exist.')
  const [, first = 0, last = row.size - 1] = (/^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? []).map(
    Number,
  )
  const size = Math.min(last, row.size - 1) - first + 1
  if (size < 0) throw storageError('InvalidRange')
  return {
    size,
    contentType: row.properties.content.type,
    metadata: row.properties.metadata,
    content: () => store.read(row, first, size),
    cancel: () => undefined,
  }
}

/** Within one account the caller's own right to read is enough, else the URL has to carry a SAS. */
async function permitOwn(
  call: FileCall,
  target: ReturnType<typeof parseTarget>,
  options: FileSourceOptions,
): Promise<void> {
  const isSameAccount = target.account === call.account && call.req.headers.authorization
  if (!target.query.has('sig') && isSameAccount) return
  try {
    const permit = await authenticate(
      { target, method: 'GET', headers: {}, now: call.now },
      options,
    )
    permit({ permissions: 'r', resource: 'o', serviceSas: true })
  } catch (error) {
    throw unreadable(error instanceof Error ? error.message : String(error), 403)
  }
}

async function openRemote(
  call: FileCall,
  url: string,
  range: string | undefined,
  dispatcher: Dispatcher,
): Promise<FileSource> {
  const authorization = header(call, 'x-ms-copy-source-authorization')
  const answer = await request(url, {
    dispatcher,
    headers: {
      ...(range !== undefined && { range }),
      ...(authorization !== undefined && { authorization }),
      'accept-encoding': 'identity',
    },
  }).catch((error: Error) => {
    throw unreadable(`It does not answer: ${error.message}.`)
  })
  const size = Number(answer.headers['content-length'])
  if (answer.statusCode >= 300 || !Number.isSafeInteger(size)) {
    await answer.body.dump()
    throw unreadable(`It answers ${answer.statusCode}.`, answer.statusCode === 403 ? 403 : 404)
  }
  const { 'content-type': type } = answer.headers
  return {
    size,
    contentType: typeof type === 'string' ? type : undefined,
    metadata: metadataOfAnswer(answer),
    content: () => answer.body,
    cancel: () => answer.body.destroy(),
  }
}

const metadataOfAnswer = ({ headers }: Dispatcher.ResponseData): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      name.startsWith('x-ms-meta-') ? [[name.slice(10), String(value)]] : [],
    ),
  )
