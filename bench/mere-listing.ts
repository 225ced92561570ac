import pLimit from 'p-limit'
import { armKinds, type Kind } from '../src/model/kinds.ts'
import type { ObjectId } from '../src/model/object-id.ts'
import { at, pagesAhead } from '../src/replication/paging.ts'
import type { Page, Workspace } from '../src/workspace/workspace.ts'

/** As many as a pass has under way. */
const requestsAtOnce = 16

/**
 * Everything that a pass has to look at, read and thrown away: the same lists in the same pages, as
 * many requests at a time. Seconds.
 */
export async function timedListing(sides: readonly Workspace[]): Promise<number> {
  const begin = performance.now()
  await Promise.all(sides.map(listAll))
  return (performance.now() - begin) / 1000
}

async function listAll(side: Workspace): Promise<void> {
  await listObjects(side)
  for (const store of await side.listBlobStores())
    await drain((cursor) => side.listBlobs(store, at(cursor)))
  await drain((cursor) => side.listExperiments(at(cursor)))
  await drain((cursor) => side.listRuns(at(cursor)))
}

async function listObjects(side: Workspace): Promise<void> {
  const limit = pLimit(requestsAtOnce)
  const known = new Map<Kind, readonly ObjectId[]>()
  for (const { kind, parent } of armKinds) {
    if (kind === 'job') continue
    const parents = parent === undefined ? [undefined] : (known.get(parent) ?? [])
    const ids: ObjectId[] = []
    await Promise.all(
      parents.map((one) => {
        const below = one === undefined ? {} : { parent: one }
        return drain(
          (cursor) => limit(() => side.listObjects(kind, { ...at(cursor), ...below })),
          ({ id }) => ids.push(id),
        )
      }),
    )
    known.set(kind, ids)
  }
}

async function drain<T>(
  read: (cursor: string | undefined) => Promise<Page<T>>,
  each: (item: T) => void = () => undefined,
): Promise<void> {
  for await (const page of pagesAhead(read)) page.forEach(each)
}
