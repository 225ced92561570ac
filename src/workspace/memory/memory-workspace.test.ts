import { describe, expect, it } from 'vitest'
import { fenced } from '../decorators/fenced.ts'
import { collect } from '../pages.ts'
import { memoryWorkspace } from './memory-workspace.ts'

const model = { kind: 'model', path: ['fraud', '1'] } as const
const body = {
  properties: {
    modelUri: 'azureml://datastores/workspaceblobstore/paths/m/',
    modelType: 'custom_model',
  },
}

describe('memory workspace', () => {
  it('keeps what was put, refuses another payload under the same version, lists it', async () => {
    const workspace = memoryWorkspace({ name: 'east' })
    await workspace.putObject(model, body, { epoch: 1 })
    await expect(
      workspace.putObject(
        model,
        { properties: { ...body.properties, modelUri: 'elsewhere' } },
        { epoch: 1 },
      ),
    ).rejects.toMatchObject({ code: 'object.immutable' })
    expect(
      (await collect((page) => workspace.listObjects('model', page))).map((o) => o.id),
    ).toEqual([model])
  })

  it('starts a job once, however often it is submitted (I2, I6)', async () => {
    const workspace = memoryWorkspace()
    for (let i = 0; i < 3; i += 1)
      await workspace.submitJob('train', { properties: { jobType: 'Command' } }, { epoch: 1 })
    expect(workspace.startsOf('train')).toBe(1)
  })

  it('deletes a blob, however often, and no other', async () => {
    const workspace = memoryWorkspace()
    const write = (name: string) =>
      workspace.writeBlob(
        'workspaceblobstore',
        { name, sizeBytes: 1, etag: '', modifiedAt: '', metadata: {} },
        new Blob(['x']).stream(),
        { epoch: 1 },
      )
    await write('a')
    await write('b')
    for (let i = 0; i < 2; i += 1)
      await workspace.deleteBlob('workspaceblobstore', 'a', { epoch: 1 })
    const left = await workspace.listBlobs('workspaceblobstore')
    expect(left.items.map(({ name }) => name)).toEqual(['b'])
  })

  it('refuses a stale epoch before any effect when fenced (I1)', async () => {
    const workspace = memoryWorkspace()
    const guarded = fenced(workspace, { currentEpoch: async () => 2 })
    await expect(guarded.putObject(model, body, { epoch: 1 })).rejects.toMatchObject({
      code: 'epoch.stale',
    })
    expect(workspace.writes).toHaveLength(0)
    await guarded.putObject(model, body, { epoch: 2 })
    expect(workspace.writes).toHaveLength(1)
  })
})
