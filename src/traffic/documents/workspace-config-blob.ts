import { BlockBlobClient, newPipeline, RestError } from '@azure/storage-blob'
import { HoldfastError } from '../../model/errors.ts'
import type { Cloud } from '../../workspace/azureml/cloud.ts'
import type { StableEndpoint } from '../stable-endpoint.ts'
import { changedMeanwhile } from '../traffic-errors.ts'
import { formatDocument } from './config-document.ts'
import { documentEndpoint, readDocument, type StoreOptions } from './document-endpoint.ts'

export interface WorkspaceConfigBlobOptions {
  readonly url: string
  readonly cloud: () => Promise<Cloud>
}

/** Leads by a config file in Blob storage; every write is conditional on the ETag that was read. */
export function workspaceConfigBlobEndpoint(options: WorkspaceConfigBlobOptions): StableEndpoint {
  const name = options.url
  let client: Promise<BlockBlobClient> | undefined
  const blob = () => {
    client ??= openBlob(options)
    return client
  }
  return documentEndpoint<string>({
    name,
    async read({ signal }) {
      const bytes = await call(name, signal, [404], async () => {
        const answer = await (await blob()).download(0, undefined, abortable(signal))
        return { etag: answer.etag ?? '', text: await textOf(answer.readableStreamBody) }
      })
      if (bytes === undefined) return undefined
      return { document: readDocument(bytes.text, name), version: bytes.etag }
    },
    async write(document, seen, { signal }) {
      const text = formatDocument(document)
      const done = await call(name, signal, [409, 412], async () => {
        const conditions = seen === undefined ? { ifNoneMatch: '*' } : { ifMatch: seen.version }
        await (await blob()).upload(text, Buffer.byteLength(text), {
          conditions,
          blobHTTPHeaders: { blobContentType: 'application/json' },
          ...abortable(signal),
        })
        return true
      })
      if (done === undefined) throw changedMeanwhile(name)
    },
  })
}

async function openBlob(options: WorkspaceConfigBlobOptions): Promise<BlockBlobClient> {
  const cloud = await options.cloud()
  const pipeline = newPipeline(await cloud.credential(), {
    retryOptions: { maxTries: 3 },
    ...(cloud.ca === undefined ? {} : { tlsOptions: { ca: cloud.ca } }),
  })
  return new BlockBlobClient(options.url, pipeline)
}

async function textOf(stream: NodeJS.ReadableStream | undefined): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream ?? []) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString('utf8')
}

const abortable = (signal: StoreOptions['signal']) => (signal ? { abortSignal: signal } : {})

/** Undefined for one of the `expected` statuses. */
async function call<T>(
  place: string,
  signal: StoreOptions['signal'],
  expected: readonly number[],
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work()
  } catch (cause) {
    if (signal?.aborted) {
      throw new HoldfastError('cancelled', 'Cancelled.', { kind: 'cancelled', cause })
    }
    const status = cause instanceof RestError ? cause.statusCode : undefined
    if (status !== undefined && expected.includes(status)) return undefined
    const isRefused = status === 401 || status === 403
    throw new HoldfastError(
      isRefused ? 'traffic.forbidden' : 'traffic.unreachable',
      `The storage account ${status === undefined ? 'does not answer' : `answered ${status}`}.`,
      {
        kind: isRefused ? 'operator' : 'transient',
        place,
        hint: isRefused
          ? 'Give this identity the role Storage Blob Data Contributor on the container.'
          : 'Keep this blob in a region that is neither member, so that it outlives both.',
        cause,
      },
    )
  }
}
