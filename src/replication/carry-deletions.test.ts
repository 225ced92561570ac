import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../model/json.ts'
import type { Kind } from '../model/kinds.ts'
import { formatObjectId, type ObjectId } from '../model/object-id.ts'
import { interceptWorkspace } from '../workspace/decorators/intercept.ts'
import type { Page, Workspace } from '../workspace/workspace.ts'
import type { ReplicationContext } from './pass.ts'
import { planReplication } from './plan-replication.ts'
import { replicate } from './replicate.ts'
import { type Content, fill, scene } from './testing/worlds.ts'

const direction = { group: 'g', source: 'east', target: 'west' }
const object = (kind: Kind, path: readonly string[], properties: JsonObject = {}): Content => ({
  is: 'object',
  id: { kind, path },
  body: { ...(kind === 'online-endpoint' ? { location: 'east' } : {}), properties },
})
const uri = 'azureml://datastores/workspaceblobstore/paths/x/'
const contents: readonly Content[] = [
  object('model', ['m', '1'], { modelUri: uri }),
  object('data', ['d', '1'], { dataType: 'uri_folder', dataUri: uri }),
  object('environment', ['e', '1'], { image: 'docker.io/x' }),
  object('component', ['c', '1'], { componentSpec: { type: 'command', command: 'true' } }),
  object('datastore', ['ds'], { datastoreType: 'AzureBlob', accountName: 'a', containerName: 'c' }),
  object('online-endpoint', ['oe'], { authMode: 'AADToken' }),
  { is: 'blob', store: 'workspaceblobstore', name: 'b', text: '1', metadata: {} },
  { is: 'experiment', experiment: { name: 'x', archived: false, tags: { a: '1' } } },
  {
    is: 'run',
    run: { ...{ runId: 'r', experimentName: 'y', status: 'Completed', modifiedAt: '' }, body: {} },
    values: [],
  },
]

/** A source from which these objects have been deleted since. */
function without(workspace: Workspace, gone: readonly string[]): Workspace {
  const isGone = (id: ObjectId) => gone.includes(formatObjectId(id))
  const idIn = (operation: string, one: Record<string, string>, store: unknown): ObjectId => {
    if (operation === 'listBlobs') return { kind: 'blob', path: [String(store), one.name ?? ''] }
    if (operation === 'listRuns') return { kind: 'run', path: [one.runId ?? ''] }
    if (operation === 'listExperiments') return { kind: 'experiment', path: [one.name ?? ''] }
    return one.id as never
  }
  return interceptWorkspace(workspace, async ({ operation, args }, next) => {
    const answer = await next()
    if (operation === 'listBlobStores') return answer
    if (operation.startsWith('list')) {
      const { items, ...rest } = answer as Page<Record<string, string>>
      return { ...rest, items: items.filter((one) => !isGone(idIn(operation, one, args[0]))) }
    }
    const read: Record<string, () => ObjectId> = {
      getObject: () => args[0] as ObjectId,
      getRun: () => ({ kind: 'run', path: [String(args[0])] }),
      getBlob: () => ({ kind: 'blob', path: args.slice(0, 2).map(String) }),
    }
    const asked = read[operation]?.()
    return asked !== undefined && isGone(asked) ? undefined : answer
  })
}

async function proven() {
  const made = scene()
  await fill(made.east, contents)
  expect(await replicate(made.context)).toMatchObject({ outcome: 'complete' })
  const missing = (...gone: string[]): ReplicationContext => ({
    ...{ ...made.context, source: without(made.east, gone), full: true },
  })
  return { ...made, missing }
}

const archivedOf = async (west: Workspace, id: ObjectId): Promise<unknown> =>
  ((await west.getObject(id))?.body.properties as JsonObject | undefined)?.isArchived === true

const rowOf = async ({ ledger }: ReplicationContext, name: string) =>
  (await ledger.read(direction, [name])).get(name)

describe('what was deleted at the source', () => {
  it.each<[Kind, string[], 'archived' | 'left']>([
    ['model', ['m', '1'], 'archived'],
    ['data', ['d', '1'], 'archived'],
    ['environment', ['e', '1'], 'archived'],
    ['component', ['c', '1'], 'archived'],
    ['datastore', ['ds'], 'left'],
    ['online-endpoint', ['oe'], 'left'],
    ['blob', ['workspaceblobstore', 'b'], 'left'],
    ['run', ['r'], 'left'],
  ])('%s %j is %s at the target, never deleted (I3)', async (kind, path, becomes) => {
    const { west, missing } = await proven()
    const id = { kind, path }
    const name = formatObjectId(id)
    const context = missing(name)
    const plan = await planReplication(context)
    const action = becomes === 'archived' ? 'archive' : 'skip'
    expect(plan.actions).toMatchObject([{ object: name, action }])
    const writes = west.writes.length
    expect(await replicate(context)).toMatchObject({ outcome: 'complete' })
    expect(await rowOf(context, name)).toMatchObject({
      ...{ state: 'skipped', error: { code: 'object.deleted-at-source' } },
    })
    expect(west.writes.length - writes).toBe(becomes === 'archived' ? 1 : 0)
    if (kind !== 'blob' && kind !== 'run')
      expect(await archivedOf(west, id)).toBe(becomes === 'archived')
    expect(await replicate(context)).toMatchObject({ outcome: 'complete', updated: 0 })
  })

  it('an experiment is archived', async () => {
    const { west, missing } = await proven()
    await replicate(missing('experiment/x'))
    const { items } = await west.listExperiments()
    expect(items.find(({ name }) => name === 'x')).toMatchObject({ archived: true })
  })

  it('is seen by full passes only, and comes back with its object', async () => {
    const { context, west, missing } = await proven()
    const model = { kind: 'model', path: ['m', '1'] } as const
    await replicate({ ...missing('model/m/1'), full: false })
    expect(await archivedOf(west, model)).toBe(false)
    await replicate(missing('model/m/1'))
    expect(await archivedOf(west, model)).toBe(true)
    expect(await replicate(context)).toMatchObject({ outcome: 'complete', updated: 1 })
    expect(await archivedOf(west, model)).toBe(false)
  })

  it('is left where somebody changed it at the target since (I3)', async () => {
    const { west, missing } = await proven()
    await fill(west, [object('model', ['m', '1'], { modelUri: uri, tags: { by: 'hand' } })])
    const writes = west.writes.length
    await replicate(missing('model/m/1'))
    expect(west.writes).toHaveLength(writes)
  })

  it('is left when the plan says so', async () => {
    const { west, missing } = await proven()
    const context = missing('model/m/1')
    await replicate({ ...context, plan: { ...context.plan, deletions: 'leave' } })
    expect(await archivedOf(west, { kind: 'model', path: ['m', '1'] })).toBe(false)
    expect(await rowOf(context, 'model/m/1')).toMatchObject({ state: 'skipped' })
  })

  it('is not believed when most of it is gone at once', async () => {
    const { context, west } = await proven()
    const rows = await context.ledger.rows(direction, { state: 'proven', limit: 100 })
    const gone = rows.map(({ object: name }) => name)
    const writes = west.writes.length
    const source = without(context.source, gone)
    const result = await replicate({ ...context, source, full: true })
    expect(result).toMatchObject({
      outcome: 'failed',
      error: { code: 'replication.mass-deletion' },
    })
    expect(west.writes).toHaveLength(writes)
  })
})
