import { createHash } from 'node:crypto'
import type { LedgerRow } from '../api/contract.ts'
import { armKind } from '../model/kinds.ts'
import { parseObjectId } from '../model/object-id.ts'
import type { Workspace } from '../workspace/workspace.ts'
import { digestOfBlob } from './blob-batch.ts'
import { digestOf } from './object-forms.ts'

export type Reread =
  | { readonly equal: true }
  | { readonly equal: false; readonly code: string; readonly message: string }

/** Documents and blobs are read again on their own; runs only beside their source, by a pass. */
export function canReread({ kind }: Pick<LedgerRow, 'kind'>): boolean {
  return kind === 'blob' || kind === 'image' || parsedArm(kind)
}

const parsedArm = (kind: string): boolean => armKind(kind as never) !== undefined

/** Reads a proven object at the target, its bytes included, and compares it with its row (I4). */
export async function reread(
  target: Workspace,
  row: LedgerRow,
  options: { readonly signal: AbortSignal },
): Promise<Reread> {
  return row.kind === 'blob' ? rereadBlob(target, row, options) : rereadObject(target, row, options)
}

async function rereadObject(
  target: Workspace,
  row: LedgerRow,
  options: { readonly signal: AbortSignal },
): Promise<Reread> {
  const id = parseObjectId(row.object)
  const found = await target.getObject(id, options)
  if (found === undefined) return absent
  return digestOf(id, found.body) === row.targetDigest ? { equal: true } : changed
}

async function rereadBlob(
  target: Workspace,
  row: LedgerRow,
  options: { readonly signal: AbortSignal },
): Promise<Reread> {
  const [store = '', name = ''] = parseObjectId(row.object).path
  const found = await target.getBlob(store, name, options)
  if (found === undefined) return absent
  const hash = createHash('md5')
  let sizeBytes = 0
  for await (const chunk of await target.readBlob(store, name, { ...options, etag: found.etag })) {
    hash.update(chunk)
    sizeBytes += chunk.length
  }
  if (sizeBytes !== row.bytes) return changed
  // Where the service holds no hash the digest cannot be made without the source; the size must do.
  if (found.contentMd5 === undefined) return { equal: true }
  if (hash.digest('base64') !== found.contentMd5) return corrupt
  return digestOfBlob(found) === row.targetDigest ? { equal: true } : changed
}

const absent: Reread = { equal: false, code: 'object.absent', message: 'it is not there' }
const changed: Reread = {
  equal: false,
  code: 'object.not-equal',
  message: 'it is not what was proven',
}
const corrupt: Reread = {
  equal: false,
  code: 'blob.corrupt',
  message: 'its bytes are not those of its hash',
}
