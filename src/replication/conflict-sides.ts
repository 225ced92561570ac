import { canonicalObject, writableObject, writableRun } from '../model/canonical.ts'
import { isCode } from '../model/errors.ts'
import type { JsonObject } from '../model/json.ts'
import { fixedFields } from '../workspace/asset-payload.ts'
import type {
  BlobInfo,
  BlobStoreName,
  Experiment,
  Run,
  Workspace,
  WorkspaceObject,
} from '../workspace/workspace.ts'
import { fieldChanges } from './field-changes.ts'
import { giveObject } from './give-back.ts'
import { desiredForm, digestOf, versionOf } from './object-forms.ts'
import { type Outcome, type Pass, reading, writing } from './pass-state.ts'
import type { Side } from './resolutions.ts'
import type { Failure } from './run-content.ts'

/** Where a resolution puts bytes that would otherwise be lost; in the target's storage account. */
export const keptStore = 'container:holdfast-kept'

export type Digests = Pick<Outcome, 'sourceDigest' | 'targetDigest'>

/** What a side holds now, in the terms in which a pass compares the two. */
export interface HeldNow {
  readonly digest: string
  readonly version: string | null
}

/** The two sides of a conflict as they can be put aside, as such. */
export type SideDocuments = Readonly<Record<Side, () => Promise<JsonObject>>>

/** Both sides of a conflict, and what a decision about it needs of them. */
export interface Sides {
  readonly documents: SideDocuments
  /** Fields that differ and that the service lets nobody change: neither side can become the other. */
  readonly fixed?: readonly string[]
  /** Looks again. */
  readonly now: (side: Side) => Promise<HeldNow | undefined>
  /** Both digests as a pass the other way sees them. */
  readonly turned: (back: Pass) => Digests
  /** Writes what the target holds to the source, if that is as it was compared (I3). */
  readonly giveBack: (back: Pass) => Promise<Failure | undefined>
}

export function objectSides(pass: Pass, source: WorkspaceObject, target: WorkspaceObject): Sides {
  const { id } = source
  const { context } = pass
  return {
    // As a client may send them, so that they can be put back and hold no secret (I9).
    documents: {
      source: async () => writableObject(id, source.body),
      target: async () => writableObject(id, target.body),
    },
    fixed: fixedIn(pass, source, target),
    now: async (side) => {
      const found = await context[side].getObject(id, reading(pass))
      if (found === undefined) return undefined
      const digest = side === 'source' ? desiredForm(pass, found).digest : digestOf(id, found.body)
      return { digest, version: versionOf(found) }
    },
    turned: (back) => ({
      sourceDigest: desiredForm(back, target).digest,
      targetDigest: digestOf(id, source.body),
    }),
    giveBack: (back) => giveObject(back, target, source),
  }
}

function fixedIn(pass: Pass, source: WorkspaceObject, target: WorkspaceObject): string[] {
  const { id } = source
  const wanted = canonicalObject(id, desiredForm(pass, source).body)
  return fixedFields(id.kind, fieldChanges(canonicalObject(id, target.body), wanted))
}

export function runDocuments(source: Run, target: Run): SideDocuments {
  const document = ({ experimentName, status, body }: Run) => ({
    ...{ experimentName, status },
    ...writableRun(body),
  })
  return { source: async () => document(source), target: async () => document(target) }
}

export function experimentDocuments(source: Experiment, target: Experiment): SideDocuments {
  const document = ({ experimentId: _, ...rest }: Experiment): JsonObject => ({ ...rest })
  return { source: async () => document(source), target: async () => document(target) }
}

/** Bytes go into a container of their own beside those of the target. */
export function blobDocuments(
  pass: Pass,
  store: BlobStoreName,
  source: BlobInfo,
  target: BlobInfo,
): SideDocuments {
  const { context } = pass
  return {
    source: () => copyAside(pass, store, context.source, source),
    target: () => copyAside(pass, store, context.target, target),
  }
}

async function copyAside(
  pass: Pass,
  store: BlobStoreName,
  from: Workspace,
  blob: BlobInfo,
): Promise<JsonObject> {
  const { target } = pass.context
  const name = `${from.name}/${store}/${blob.name}/${blob.etag.replaceAll('"', '')}`
  const url = await from.blobReadUrl(store, blob.name, reading(pass))
  const copy = { ...blob, name }
  await target.copyBlob(keptStore, copy, url, writing(pass)).catch(async (error: unknown) => {
    if (!isCode(error, 'blob.copy-unsupported')) throw error
    const options = { ...reading(pass), etag: blob.etag }
    const bytes = await from.readBlob(store, blob.name, options)
    return target.writeBlob(keptStore, copy, bytes, writing(pass))
  })
  return { member: target.name, store: keptStore, name, of: `${store}/${blob.name}` }
}
