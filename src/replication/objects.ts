import pLimit from 'p-limit'
import { isObject } from '../model/field-path.ts'
import {
  armKinds,
  isMintedKind,
  type Kind,
  type ListedKind,
  trackingKinds,
} from '../model/kinds.ts'
import { formatObjectId, type ObjectId } from '../model/object-id.ts'
import { inPriority, last, priorityOf } from '../plan/priority-of.ts'
import type { Workspace, WorkspaceObject } from '../workspace/workspace.ts'
import { finishDeferred } from './apply-object.ts'
import type { Definition } from './definitions.ts'
import { passNamedImages } from './images.ts'
import type { LedgerEntry } from './ledger.ts'
import { at, pagesAhead } from './paging.ts'
import { type Known, passObject } from './pass-object.ts'
import {
  forEach,
  isSameEntry,
  listFailure,
  namesThere,
  oneByOne,
  type Pass,
  progressed,
  reading,
} from './pass-state.ts'

/** Kinds of documents a pass copies; jobs are captured and resubmitted, never put (design D5). */
const copiedKinds: readonly ListedKind[] = [
  ...armKinds.filter(({ kind }) => kind !== 'job'),
  // Last: endpoints and computes have identities of their own, which may have roles.
  { kind: 'role-assignment' },
]

/** Copies the ARM documents, wave after wave: an object's references are there before it is. */
export function passObjects(pass: Pass): Promise<void> {
  return passKinds(pass, copiedKinds)
}

/** What names runs; after them, and before their experiments are archived. */
export async function passTracking(pass: Pass): Promise<void> {
  await passKinds(pass, trackingKinds)
  if (pass.mode !== 'plan') await finishDeferred(pass)
}

async function passKinds(pass: Pass, all: readonly ListedKind[]): Promise<void> {
  /** Of what has others below it. */
  const seen = new Map<Kind, ObjectId[]>()
  const { kinds } = pass.context.source.capabilities
  const listed = all.filter(({ kind }) => kinds.has(kind))
  const wholeLists = listsAhead(pass, listed)
  for (const arm of listed) {
    pass.phase = arm.kind
    progressed(pass)
    const ids: ObjectId[] = []
    if (listed.some(({ parent }) => parent === arm.kind)) seen.set(arm.kind, ids)
    const begun = wholeLists(arm)
    const parents = arm.parent === undefined ? [undefined] : (seen.get(arm.parent) ?? [])
    const early: Early[] = []
    const work = (parent: ObjectId | undefined) =>
      passCollection(pass, arm, parent, begun ?? listsOf(pass, arm, parent), ids, early)
    for (const group of inPriority(parents, (parent) => priorityBelow(pass, arm, parent)))
      await forEach(pass, group, work, pLimit(listsAtOnce))
    await passEarly(pass, early)
  }
}

/** One list at both sides. */
interface Lists {
  readonly here: AsyncGenerator<readonly WorkspaceObject[]>
  readonly there: AsyncGenerator<readonly WorkspaceObject[]>
}

function listsOf(pass: Pass, { kind }: ListedKind, parent: ObjectId | undefined): Lists {
  const { source, target } = pass.context
  const options = { ...reading(pass), ...(parent === undefined ? {} : { parent }) }
  const listOf = (side: Workspace) =>
    pagesAhead((cursor) => pass.limit(() => side.listObjects(kind, { ...options, ...at(cursor) })))
  return { there: listOf(target), here: listOf(source) }
}

/** All of thousands of lists at once would stand in memory until the last of them is read. */
const listsAtOnce = 16

/** Kinds of which the lists are asked for while one is worked on: most are short, and far away. */
const kindsAhead = 4

/**
 * The lists that need no parent. What one shows may be as old as the kinds before it took: a write
 * looks again at what it overwrites (I3), and what changed at the source is the next pass's.
 */
function listsAhead(pass: Pass, listed: readonly ListedKind[]) {
  const begun = new Map<ListedKind, Lists>()
  return (arm: ListedKind): Lists | undefined => {
    const from = listed.indexOf(arm)
    for (const one of listed.slice(from, from + 1 + kindsAhead))
      if (one.parent === undefined && !begun.has(one)) begun.set(one, listsOf(pass, one, undefined))
    return begun.get(arm)
  }
}

/** A line about a kind of versions names what they are versions of. */
function priorityBelow(pass: Pass, { kind }: ListedKind, parent: ObjectId | undefined): number {
  return parent === undefined ? last : priorityOf(pass.context.plan, { kind, path: parent.path })
}

/** An object that came before one of its own kind that it refers to, such as a component of components. */
interface Early {
  readonly source: WorkspaceObject
  readonly known: Known
}

const isEntry = (entry: LedgerEntry | undefined): entry is LedgerEntry => entry !== undefined
const isEarly = (entry: LedgerEntry | undefined): boolean =>
  entry?.error?.code === 'object.waiting' &&
  entry.error.message.startsWith(`waits for ${entry.kind}/`)

/** Again, for as long as it brings some further; each round settles one level of nesting. */
async function passEarly(pass: Pass, early: readonly Early[]): Promise<void> {
  if (early.length === 0) return
  pass.tally.pending -= early.length
  pass.tally.compared -= early.length
  const entries = await forEach(pass, early, ({ source, known }) => passObject(pass, source, known))
  // The round before has written over the rows that `known` holds, so every one is written.
  await writeChanged(pass, entries.filter(isEntry), new Map())
  const again = early.filter((_, index) => isEarly(entries[index]))
  if (again.length < early.length) await passEarly(pass, again)
}

/** One list of the source against the same list of the target. */
async function passCollection(
  pass: Pass,
  arm: ListedKind,
  parent: ObjectId | undefined,
  { here, there }: Lists,
  ids: ObjectId[],
  early: Early[],
): Promise<void> {
  const { ledger } = pass.context
  try {
    const standing = new Map<string, WorkspaceObject>()
    for await (const page of there)
      for (const object of page) standing.set(formatObjectId(object.id), object)
    const inOrder = areAgeOrdered(arm, parent)
    for await (const listed of here) {
      const page = inOrder
        ? byAge(listed)
        : inPriority(listed, ({ id }) => priorityOf(pass.context.plan, id)).flat()
      const names = page.map((object) => formatObjectId(object.id))
      for (const name of names) pass.seen?.add(name)
      await passNamedImages(pass, page)
      const backward = once(() => readBackward(pass, page))
      const [forward, defined] = await Promise.all([
        ledger.read(pass.direction, names),
        pass.mode !== 'plan'
          ? pass.context.definitions.read(pass.direction, names)
          : new Map<string, Definition>(),
      ])
      ids.push(...page.map(({ id }) => id))
      const entries = await (inOrder ? oneByOne : forEach)(pass, page, async (object, i) => {
        const name = names[i] ?? ''
        const known = {
          target: standing.get(name),
          forward: forward.get(name),
          backward: async () => (await backward()).get(name),
          defined: defined.get(name),
        }
        const entry = await passObject(pass, object, known)
        if (isEarly(entry)) early.push({ source: object, known })
        return entry
      })
      await writeChanged(pass, entries.filter(isEntry), forward)
    }
  } catch (error) {
    const entry = listFailure(pass, { kind: arm.kind, path: parent?.path ?? [] }, error)
    await writeChanged(pass, [entry], new Map())
  }
}

/** Asked for at the first need, and only then. */
function once<T>(read: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined
  return () => {
    asked ??= read()
    return asked
  }
}

/** The rows of the way back, which name what has ids of its own there as the other side does. */
async function readBackward(
  pass: Pass,
  page: readonly WorkspaceObject[],
): Promise<Map<string, LedgerEntry>> {
  const minted = page.filter(({ id }) => isMintedKind(id.kind)).map(({ id }) => id.path[0] ?? '')
  const there = minted.length === 0 ? new Map() : await namesThere(pass, minted)
  const named = page.map(({ id }) => {
    const path = isMintedKind(id.kind) ? id.path.map((name) => there.get(name) ?? name) : id.path
    return [formatObjectId(id), formatObjectId({ ...id, path })] as const
  })
  const rows = await pass.context.ledger.read(
    pass.backward,
    named.map(([, name]) => name),
  )
  return new Map(
    named.flatMap(([here, name]) => {
      const row = rows.get(name)
      return row === undefined ? [] : [[here, row] as const]
    }),
  )
}

const anonymous = new Set(['azureml_anonymous', 'CliV2AnonymousEnvironment'])

/** `@latest` is the version made last, so versions of one name are made in the order of their age. */
function areAgeOrdered(
  { kind, parent: container }: ListedKind,
  parent: ObjectId | undefined,
): boolean {
  // A tracking server gives out version numbers in order.
  if (kind === 'model-version') return true
  const isVersion = container?.endsWith('-container') === true && kind !== 'code'
  return isVersion && !anonymous.has(parent?.path[0] ?? '')
}

function byAge(objects: readonly WorkspaceObject[]): WorkspaceObject[] {
  const madeAt = ({ body: { systemData } }: WorkspaceObject): string =>
    isObject(systemData) && typeof systemData.createdAt === 'string' ? systemData.createdAt : ''
  return [...objects].sort((a, b) => (madeAt(a) < madeAt(b) ? -1 : madeAt(a) > madeAt(b) ? 1 : 0))
}

export async function writeChanged(
  pass: Pass,
  entries: readonly LedgerEntry[],
  known: ReadonlyMap<string, LedgerEntry>,
): Promise<void> {
  if (pass.mode === 'plan') return
  const changed = entries.filter(
    (entry) => pass.begun.delete(entry.object) || !isSameEntry(known.get(entry.object), entry),
  )
  if (changed.length > 0) await pass.context.ledger.write(pass.direction, changed)
}
