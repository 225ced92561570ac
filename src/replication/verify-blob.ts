import { createHash } from 'node:crypto'
import type { ObjectId } from '../model/object-id.ts'
import type { BlobInfo, BlobStoreName, Workspace } from '../workspace/workspace.ts'
import { digestOfBlob } from './blob-batch.ts'
import type { LedgerEntry } from './ledger.ts'
import { type Pass, reading } from './pass-state.ts'
import { verifyCodes } from './verify-codes.ts'
import { type Sight, sightOf } from './verify-sight.ts'

/** Reads the bytes of both sides: a stored hash may be as wrong as the bytes are. */
export async function verifyBlob(pass: Pass, row: LedgerEntry, id: ObjectId): Promise<Sight> {
  const { source, target } = pass.context
  const [store = '', ...rest] = id.path
  const name = rest.join('/')
  const [from, to] = await Promise.all([
    source.getBlob(store, name, reading(pass)),
    target.getBlob(store, name, reading(pass)),
  ])
  const listed = sightOf(
    row,
    from === undefined ? undefined : listingOf(from),
    to === undefined ? undefined : listingOf(to),
  )
  if (from === undefined || to === undefined) return listed
  const isBehind = from.etag !== row.sourceVersion
  if (listed.is !== 'equal' && isBehind) return { is: 'behind' }
  if (listed.is !== 'equal') return listed
  const [a, b] = await Promise.all([
    hashesOf(pass, source, store, from),
    hashesOf(pass, target, store, to),
  ])
  const bytes = a.bytes + b.bytes
  if (a.sha256 === b.sha256) return { is: 'equal', bytes }
  if (isBehind) return { is: 'behind', bytes }
  return { ...damage(from, a), bytes }
}

/** Without what each service says in its own way. */
function listingOf(blob: BlobInfo): string {
  const { contentMd5: _, ...rest } = blob
  return digestOfBlob({ ...rest, etag: '' })
}

interface Hashes {
  readonly sha256: string
  readonly md5: string
  readonly bytes: number
}

function damage(from: BlobInfo, read: Hashes): Extract<Sight, { is: 'different' }> {
  if (from.contentMd5 !== undefined && from.contentMd5 !== read.md5)
    return {
      is: 'different',
      code: verifyCodes.sourceDamaged,
      message: 'the bytes at the source do not match their hash; those at the target differ',
    }
  return {
    is: 'different',
    code: verifyCodes.notEqual,
    message: 'the bytes at the target differ from those at the source (SHA-256)',
  }
}

async function hashesOf(
  pass: Pass,
  workspace: Workspace,
  store: BlobStoreName,
  blob: BlobInfo,
): Promise<Hashes> {
  const sha256 = createHash('sha256')
  const md5 = createHash('md5')
  let bytes = 0
  const options = { ...reading(pass), etag: blob.etag }
  for await (const chunk of await workspace.readBlob(store, blob.name, options)) {
    sha256.update(chunk)
    md5.update(chunk)
    bytes += chunk.byteLength
  }
  return { sha256: sha256.digest('hex'), md5: md5.digest('base64'), bytes }
}
