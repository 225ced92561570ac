import { expect, it } from 'vitest'
import { planDifferences, planDigest } from '../api/plan-digest.ts'
import { interceptWorkspace } from '../workspace/decorators/intercept.ts'
import { replicateAsApproved } from './approved-plan.ts'
import { planReplication } from './plan-replication.ts'
import {
  blobContent as blob,
  experimentContent,
  fill,
  modelContent,
  runContent as run,
  scene,
} from './testing/worlds.ts'

const model = (name: string, tag: string) => modelContent(tag, name)
const experiment = (tag: string) => experimentContent(tag, 'x')

it('does what was approved', async () => {
  const { east, context } = scene()
  await fill(east, [model('m', '1'), blob('1'), run('1'), experiment('1')])
  const { actions } = await planReplication(context)
  expect(planDigest(actions)).toBe(planDigest((await planReplication(context)).actions))
  expect(await replicateAsApproved(context, planDigest(actions))).toMatchObject({
    outcome: 'complete',
  })
})

it.each([
  ['a model', model('m', '2'), 'model/m/1'],
  ['bytes of the same size', blob('2'), 'blob/workspaceblobstore/a'],
  ['a run', run('2'), 'run/r'],
  ['an experiment', experiment('2'), 'experiment/x'],
  ['something new', model('new', '1'), 'model/new/1'],
])(
  'refuses before any effect when %s changed since, and can name it',
  async (_, change, object) => {
    const { east, west, context } = scene()
    await fill(east, [model('m', '1'), blob('1'), run('1'), experiment('1')])
    const { actions } = await planReplication(context)
    await fill(east, [change])
    const changed = replicateAsApproved(context, planDigest(actions))
    await expect(changed).rejects.toMatchObject({ code: 'plan.changed' })
    expect(west.writes).toEqual([])
    const now = (await planReplication(context)).actions
    expect(planDifferences(actions, now).map((one) => one.object)).toContain(object)
  },
)

it('leaves to the next pass what changes after the check', async () => {
  const { east, west, context } = scene()
  await fill(east, [model('m', '1'), model('n', '1')])
  const { actions } = await planReplication(context)
  let lists = 0
  const source = interceptWorkspace(east, async ({ operation, args }, next) => {
    // Two models are listed one by one in the plan, so the third list is the pass's own.
    if (operation === 'listObjects' && args[0] === 'model') lists += 1
    if (lists === 3 && operation === 'listObjects') await fill(east, [model('m', '2')])
    return next()
  })
  const result = await replicateAsApproved({ ...context, source }, planDigest(actions))
  expect(result).toMatchObject({ outcome: 'partial', failed: 1 })
  expect(west.writes.map(({ target }) => target)).not.toContain('model/m/1')
  expect(west.writes.map(({ target }) => target)).toContain('model/n/1')
})
