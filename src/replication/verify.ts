import { createHash } from 'node:crypto'
import type { ObjectId } from '../model/object-id.ts'
import { parseObjectId } from '../model/object-id.ts'
import { sameSecrets } from './apply-object.ts'
import type { Direction, LedgerEntry } from './ledger.ts'
import { desiredForm, digestOf } from './object-forms.ts'
import type { PassProgress, ReplicationContext } from './pass.ts'
import { beginPass, entryFor, failureOf, forEach, type Pass, reading } from './pass-state.ts'
import { verifyBlob } from './verify-blob.ts'
import { verifyCodes } from './verify-codes.ts'
import { experimentVerifier, verifyRun } from './verify-history.ts'
import { verifyImage } from './verify-image.ts'
import { type Sight, sightOf } from './verify-sight.ts'

export interface VerifyOptions {
  /** Share of the proven objects that is read, above 0 up to 1 (everything). */
  readonly share: number
  /** The same seed chooses the same sample. */
  readonly seed: string
  /** Only this kind. */
  readonly kind?: string
}

export interface VerifyResult {
  readonly checked: number
  /** Not equal any more; their rows are failed now, so the replication point stops (I4). */
  readonly different: number
  /** Changed at the source since they were proven: lag, which the next pass brings over. */
  readonly behind: number
  /** Could not be read; nothing is said about them (I8). */
  readonly unread: number
  readonly bytesRead: number
}

const pageSize = 500

/**
 * Reads proven objects again on both sides, the bytes of blobs included, and compares them. Unlike a
 * pass it believes neither etags nor stored hashes. It writes nothing but ledger rows.
 */
export async function verify(
  context: ReplicationContext,
  options: VerifyOptions,
): Promise<VerifyResult> {
  const pass = await beginPass(context, 'plan')
  const look = looker(pass)
  const result = { checked: 0, different: 0, behind: 0, unread: 0, bytesRead: 0 }
  const total = await totalOf(pass, options)
  let runsDiffer = false
  for await (const rows of provenRows(pass, options)) {
    const failed = await forEach(pass, rows, async (row) => {
      const sight = await look(row)
      result.checked += 1
      result.bytesRead += sight.is === 'unread' ? 0 : (sight.bytes ?? 0)
      if (sight.is !== 'equal') result[sight.is] += 1
      context.onProgress?.(progressOf(result, total))
      return sight.is === 'different' ? [failedRow(pass, row, sight)] : []
    })
    const entries = failed.flat()
    if (entries.length > 0) await context.ledger.write(pass.direction, entries)
    runsDiffer ||= entries.some(({ kind }) => kind === 'run')
  }
  // Cheap passes skip old runs; the next one must meet those that failed.
  if (runsDiffer) await forgetWatermark(context, pass.direction)
  return result
}

function progressOf(result: VerifyResult, total: number): PassProgress {
  return {
    phase: 'verify',
    objectsDone: result.checked,
    objectsTotal: Math.max(total, result.checked),
    bytesDone: result.bytesRead,
  }
}

type Look = (row: LedgerEntry) => Promise<Sight | { readonly is: 'unread' }>

function looker(pass: Pass): Look {
  const verifyExperiment = experimentVerifier(pass)
  const byKind = (row: LedgerEntry, id: ObjectId): Promise<Sight> => {
    if (id.kind === 'blob') return verifyBlob(pass, row, id)
    if (id.kind === 'image') return verifyImage(pass, row, id)
    if (id.kind === 'run') return verifyRun(pass, row, id)
    if (id.kind === 'experiment') return verifyExperiment(row, id)
    return verifyObject(pass, row, id)
  }
  return async (row) => {
    try {
      return await byKind(row, parseObjectId(row.object))
    } catch (error) {
      failureOf(error)
      return { is: 'unread' }
    }
  }
}

async function verifyObject(pass: Pass, row: LedgerEntry, id: ObjectId): Promise<Sight> {
  const [source, target] = await Promise.all([
    pass.context.source.getObject(id, reading(pass)),
    pass.context.target.getObject(id, reading(pass)),
  ])
  const desired = source === undefined ? undefined : desiredForm(pass, source).digest
  const seen = target === undefined ? undefined : digestOf(id, target.body)
  const sight = sightOf(row, desired, seen)
  if (sight.is !== 'equal' || (await sameSecrets(pass, id))) return sight
  return { is: 'different', code: verifyCodes.notEqual, message: 'credentials differ' }
}

function failedRow(
  pass: Pass,
  row: LedgerEntry,
  sight: Extract<Sight, { is: 'different' }>,
): LedgerEntry {
  return entryFor(pass, parseObjectId(row.object), {
    ...row,
    state: 'failed',
    error: { code: sight.code, message: sight.message },
  })
}

async function* provenRows(
  { context, direction }: Pass,
  { kind, share, seed }: VerifyOptions,
): AsyncGenerator<LedgerEntry[]> {
  for (let after: string | undefined; ; ) {
    const page = await context.ledger.rows(direction, {
      ...{ state: 'proven', limit: pageSize },
      ...(kind === undefined ? {} : { kind }),
      ...(after === undefined ? {} : { after }),
    })
    const chosen = page.map(({ object }) => object).filter((one) => isChosen(one, share, seed))
    const rows = await context.ledger.read(direction, chosen)
    yield chosen.flatMap((object) => rows.get(object) ?? [])
    if (page.length < pageSize) return
    after = page.at(-1)?.object
  }
}

export function isChosen(object: string, share: number, seed: string): boolean {
  if (share >= 1) return true
  const hash = createHash('sha256').update(`${seed}\n${object}`).digest()
  return hash.readUInt32BE(0) / 2 ** 32 < share
}

async function totalOf({ context, direction }: Pass, { kind, share }: VerifyOptions) {
  const counts = await context.ledger.counts(direction)
  const proven = counts
    .filter((line) => kind === undefined || line.kind === kind)
    .reduce((sum, line) => sum + line.proven, 0)
  return Math.round(proven * share)
}

async function forgetWatermark({ ledger }: ReplicationContext, direction: Direction) {
  const point = await ledger.readPoint(direction)
  if (point !== undefined) await ledger.advancePoint(direction, { ...point, runsSince: null })
}
