import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../model/json.ts'
import type { Kind } from '../model/kinds.ts'
import { formatObjectId } from '../model/object-id.ts'
import { interceptWorkspace } from '../workspace/decorators/intercept.ts'
import type { Page, Workspace, WorkspaceObject } from '../workspace/workspace.ts'
import { replicate } from './replicate.ts'
import { type Content, fill, scene } from './testing/worlds.ts'

const direction = { group: 'g', source: 'east', target: 'west' }
const object = (kind: Kind, path: string[], properties: JsonObject): Content => ({
  is: 'object',
  id: { kind, path },
  body: { location: 'east', properties },
})
const endpoint = (traffic: JsonObject) =>
  object('online-endpoint', ['e'], { authMode: 'AADToken', traffic })
const deployment = (name: string) =>
  object('online-deployment', ['e', name], { endpointComputeType: 'Managed' })

/** A workspace at which the service could not bring these objects up. */
function withFailed(workspace: Workspace, failed: readonly string[]): Workspace {
  return interceptWorkspace(workspace, async ({ operation }, next) => {
    const answer = await next()
    if (operation !== 'listObjects') return answer
    const page = answer as Page<WorkspaceObject>
    return { ...page, items: page.items.map((one) => asFailed(one, failed)) }
  })
}

function asFailed(one: WorkspaceObject, failed: readonly string[]): WorkspaceObject {
  if (!failed.includes(formatObjectId(one.id))) return one
  const properties = { ...(one.body.properties as JsonObject), provisioningState: 'Failed' }
  return { ...one, body: { ...one.body, properties } }
}

const complete = { outcome: 'complete', failed: 0, pending: 0 }

describe('what failed at the source', () => {
  it('is left with its reason and keeps no pass partial', async () => {
    const { east, west, context: healthy } = scene()
    await fill(east, [
      endpoint({}),
      deployment('good'),
      deployment('bad'),
      endpoint({ good: 90, bad: 10 }),
    ])
    const bad = 'online-deployment/e/bad'
    const context = { ...healthy, source: withFailed(east, [bad]) }
    expect(await replicate(context)).toMatchObject(complete)
    const row = (await context.ledger.read(direction, [bad])).get(bad)
    expect(row).toMatchObject({ state: 'skipped', error: { code: 'object.left' } })
    expect(row?.error?.message).toContain('failed at the source')
    const there = await west.getObject({ kind: 'online-endpoint', path: ['e'] })
    expect(there?.body.properties).toMatchObject({ traffic: { good: 90 } })
    const writes = west.writes.length
    expect(await replicate(context)).toMatchObject({ ...complete, created: 0, updated: 0 })
    expect(west.writes).toHaveLength(writes)
  })

  it('is copied once it succeeds, and its routes with it', async () => {
    const { east, west, context } = scene()
    await fill(east, [endpoint({}), deployment('bad'), endpoint({ bad: 100 })])
    await replicate({ ...context, source: withFailed(east, ['online-deployment/e/bad']) })
    expect(west.writes.map(({ target }) => target)).not.toContain('online-deployment/e/bad')
    expect(await replicate(context)).toMatchObject(complete)
    const there = await west.getObject({ kind: 'online-endpoint', path: ['e'] })
    expect(there?.body.properties).toMatchObject({ traffic: { bad: 100 } })
  })

  it('takes its deployments with it when it is the endpoint', async () => {
    const { east, west, context } = scene()
    await fill(east, [endpoint({}), deployment('a')])
    const source = withFailed(east, ['online-endpoint/e'])
    expect(await replicate({ ...context, source })).toMatchObject(complete)
    expect(west.writes).toEqual([])
  })

  it('settles the row that an earlier release left failed', async () => {
    const { east, context } = scene()
    await fill(east, [endpoint({})])
    await context.ledger.write(direction, [
      {
        object: 'online-endpoint/e',
        kind: 'online-endpoint',
        state: 'failed',
        sourceDigest: null,
        targetDigest: null,
        sourceVersion: null,
        targetVersion: null,
        bytes: 0,
        error: { code: 'object.not-equal', message: 'x' },
        epoch: 1,
        at: '2025-01-01T00:00:00.000Z',
      },
    ])
    await replicate({ ...context, source: withFailed(east, ['online-endpoint/e']) })
    const [row] = await context.ledger.rows(direction, { limit: 1 })
    expect(row).toMatchObject({ state: 'skipped', error: { code: 'object.left' } })
  })
})
