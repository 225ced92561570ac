import { beforeEach, describe, expect, it } from 'vitest'
import { interceptWorkspace } from '../workspace/decorators/intercept.ts'
import type { Run } from '../workspace/workspace.ts'
import { planReplication } from './plan-replication.ts'
import { replicate } from './replicate.ts'
import {
  type Content,
  experimentContent,
  fill,
  modelContent,
  type Scene,
  scene,
} from './testing/worlds.ts'

const blob = (store: string, name: string): Content => ({
  ...{ is: 'blob', store, name, text: name, metadata: {} },
})
const run = (experimentName: string, runId: string): Content => ({
  is: 'run',
  run: { runId, experimentName, status: 'Completed', modifiedAt: '', body: {} },
  values: [],
})

let world: Scene
/** What was written to the target, in order, by a short name. */
let written: string[]

beforeEach(async () => {
  const { plan } = scene().context
  world = scene({
    plan: {
      ...plan,
      priority: [
        { kind: 'blob', name: 'workspaceblobstore/z/**/*.bin' },
        { kind: 'blob', name: 'workspaceblobstore/y/*' },
        { kind: 'model', name: 'z-*' },
        { kind: 'experiment', name: 'z-*' },
      ],
    },
  })
  written = []
  await fill(world.east, [
    ...[1, 2, 3].map((i) => blob('workspaceartifactstore', `z/${i}.bin`)),
    ...['a/1.bin', 'y/1', 'y/deep/1', 'z/1.bin', 'z/deep/2.bin', 'z/3.txt'].map((name) =>
      blob('workspaceblobstore', name),
    ),
    ...['a-model', 'b-model', 'z-model'].map((name) => modelContent('t', name)),
    ...['a-exp', 'z-exp'].map((name) => experimentContent('t', name)),
    ...[1, 2, 3].flatMap((i) => [run('a-exp', `a-${i}`), run('z-exp', `z-${i}`)]),
  ])
})

const target = () =>
  interceptWorkspace(world.west, (call, next) => {
    const [first, second] = call.args as [{ path: string[]; kind: string } | string, never]
    if (call.operation === 'copyBlob') written.push(`${first}/${(second as { name: string }).name}`)
    if (call.operation === 'putObject' && typeof first === 'object')
      written.push(`${first.kind}/${first.path[0]}`)
    if (call.operation === 'putRuns') written.push(...(second as Run[]).map(({ runId }) => runId))
    return next()
  })

describe('priority in the plan', () => {
  it('lets blobs, versions and runs go first, line by line, within their waves', async () => {
    const result = await replicate({ ...world.context, target: target() })
    expect(result).toMatchObject({ outcome: 'complete', pending: 0 })
    const blobs = written.filter((one) => one.startsWith('workspace'))
    expect(new Set(blobs.slice(0, 2))).toEqual(
      new Set(['workspaceblobstore/z/1.bin', 'workspaceblobstore/z/deep/2.bin']),
    )
    expect(blobs[2]).toBe('workspaceblobstore/y/1')
    expect(blobs).toHaveLength(9)
    expect(new Set(blobs).size).toBe(9)
    expect(written.filter((one) => one.startsWith('model/'))[0]).toBe('model/z-model')
    const runs = written.filter((one) => /^[az]-\d$/.test(one))
    expect(runs).toHaveLength(6)
    expect(runs.slice(0, 3).sort()).toEqual(['z-1', 'z-2', 'z-3'])
    // The wave of the blobs goes before that of the models, whatever the plan says.
    expect(written.indexOf('model/z-model')).toBeGreaterThan(written.indexOf(blobs[8] ?? ''))
    expect(await replicate(world.context)).toMatchObject({ outcome: 'complete', created: 0 })
  })

  it('is in the plan that is shown', async () => {
    const { actions } = await planReplication(world.context)
    const lines = Object.fromEntries(actions.map(({ object, priority }) => [object, priority]))
    expect(lines).toMatchObject({
      'run/z-1': 4,
      'run/a-1': undefined,
      'model/z-model/1': 3,
      'model/a-model/1': undefined,
    })
    expect(actions.filter(({ priority }) => priority === 1)).toHaveLength(2)
  })

  it('counts nothing twice and reads no run again that did not change', async () => {
    const first = await replicate(world.context)
    const again = await replicate({ ...world.context, full: true })
    expect(first.compared).toBe(again.compared)
    expect(again).toMatchObject({ outcome: 'complete', created: 0, updated: 0 })
  })
})
