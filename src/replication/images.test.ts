import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { HoldfastError } from '../model/errors.ts'
import { imageId } from '../model/images.ts'
import type { Place } from '../model/place.ts'
import { faulty } from '../workspace/decorators/faulty.ts'
import type { MemoryWorkspace } from '../workspace/memory/memory-workspace.ts'
import type { Workspace } from '../workspace/workspace.ts'
import type { ReplicationContext } from './pass.ts'
import { planReplication } from './plan-replication.ts'
import { replicate } from './replicate.ts'
import { salvage } from './salvage.ts'
import { scene } from './testing/worlds.ts'

const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
const mediaType = 'application/vnd.oci.image.manifest.v1+json'
const repository = 'ours/train'

async function pushLayer(workspace: Workspace, text: string) {
  const bytes = Buffer.from(text)
  const layer = { digest: sha256(bytes), sizeBytes: bytes.length }
  await workspace.writeLayer(repository, layer, new Blob([bytes]).stream(), { epoch: 1 })
  return { mediaType: 'application/octet-stream', digest: layer.digest, size: bytes.length }
}

async function pushManifest(workspace: Workspace, document: object, tag?: string) {
  const content = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...document }))
  const manifest = { digest: sha256(content), mediaType, content }
  await workspace.writeImage(repository, tag ?? manifest.digest, manifest, { epoch: 1 })
  return { mediaType, digest: manifest.digest, size: content.length }
}

/** An index of two images that share a layer, under a tag that an environment names. */
async function fill(east: MemoryWorkspace): Promise<string> {
  const base = await pushLayer(east, 'base')
  const images = []
  for (const name of ['one', 'two']) {
    const config = await pushLayer(east, `config of ${name}`)
    const layers = [base, await pushLayer(east, `layer of ${name}`)]
    images.push(await pushManifest(east, { config, layers }))
  }
  const { digest } = await pushManifest(east, { manifests: images }, 'v1')
  const image = `${east.place.imageRegistry?.server}/${repository}:v1`
  const id = { kind: 'environment', path: ['train', '1'] } as const
  await east.putObject(id, { properties: { image } }, { epoch: 1 })
  return digest
}

const tagAt = (workspace: Workspace) => workspace.getObject(imageId(repository, 'v1'))

async function expectWhole(workspace: Workspace, reference: string): Promise<void> {
  const manifest = await workspace.readImage(repository, reference)
  const parts = JSON.parse(Buffer.from(manifest?.content ?? '{}').toString())
  for (const { digest } of parts.manifests ?? []) await expectWhole(workspace, digest)
  for (const { digest } of [parts.config, ...(parts.layers ?? [])].filter(Boolean))
    expect(await workspace.hasLayer(repository, digest)).toBe(true)
  expect(manifest).toBeDefined()
}

/** Layers, children, index, tag. */
const wholeWrites = 5 + 4

describe('images', () => {
  it('are written layers first, then children, then the index, then the tag', async () => {
    const { east, west, context } = scene()
    const digest = await fill(east)
    expect(await replicate(context)).toMatchObject({ outcome: 'complete' })
    const written = west.writes.filter(({ operation }) => /Layer|Image/.test(operation))
    expect(written.map(({ operation }) => operation)).toEqual([
      ...Array(5).fill('writeLayer'),
      ...Array(4).fill('writeImage'),
    ])
    expect(written.slice(-2).map(({ target }) => target)).toEqual([
      `${repository}/${digest}`,
      `${repository}/v1`,
    ])
    expect((await tagAt(west))?.body.digest).toBe(digest)
  })

  it('are planned as they are copied, and planned without an effect', async () => {
    const { east, west, context } = scene()
    await fill(east)
    const { actions } = await planReplication(context)
    expect(actions.slice(1).map(({ object, action }) => [object, action])).toEqual([
      ['image/ours%2Ftrain/v1', 'copy'],
      ['environment/train/1', 'create'],
    ])
    expect(west.writes).toEqual([])
  })

  for (const strikes of ['before', 'after'] as const)
    for (let spared = 0; spared < wholeWrites; spared += 1)
      it(`are whole or not there when write ${spared + 1} fails ${strikes} its effect, and whole after the next pass (I2)`, async () => {
        const { east, west, context } = scene()
        const digest = await fill(east)
        const broken = faulty(west)
        let left = spared
        broken.break({
          operations: ['writeLayer', 'writeImage'],
          when: () => left-- === 0,
          strikes,
          times: 1,
          error: () => new HoldfastError('object.refused', 'broken on purpose'),
        })
        const first: ReplicationContext = { ...context, target: broken }
        expect((await replicate(first)).outcome).toBe('partial')
        expect(broken.hits()).toBe(1)
        if ((await tagAt(west)) !== undefined) await expectWhole(west, digest)
        const waiting = { kind: 'environment', path: ['train', '1'] } as const
        expect(await west.getObject(waiting)).toBeUndefined()

        expect(await replicate(context)).toMatchObject({ outcome: 'complete', conflicts: 0 })
        await expectWhole(west, digest)
        expect(await west.getObject(waiting)).toBeDefined()
      })

  it('are known as ours after a pass that died right behind its last write (I2)', async () => {
    const { east, west, context } = scene()
    await fill(east)
    const broken = faulty(west)
    broken.break({
      operations: ['writeImage'],
      when: ({ args }) => args[1] === 'v1',
      strikes: 'after',
      error: () => new HoldfastError('workspace.unreachable', 'died', { kind: 'transient' }),
    })
    expect((await replicate({ ...context, target: broken })).outcome).toBe('failed')
    expect(await tagAt(west)).toBeDefined()
    const next = await pushManifest(east, { layers: [await pushLayer(east, 'later')] }, 'v1')
    expect(await replicate(context)).toMatchObject({ outcome: 'complete', conflicts: 0 })
    expect((await tagAt(west))?.body.digest).toBe(next.digest)
  })

  it('go back without a byte when the direction is turned', async () => {
    const { east, west, context } = scene()
    await fill(east)
    await replicate(context)
    const back = { ...context, source: west, target: east, epoch: 2 }
    expect(await replicate(back)).toMatchObject({ outcome: 'complete', bytesCopied: 0 })
    // What the new primary makes of the tag follows, for the old one has left it alone.
    const next = await pushManifest(west, { layers: [await pushLayer(west, 'later')] }, 'v1')
    expect(await replicate(back)).toMatchObject({ outcome: 'complete', conflicts: 0 })
    expect((await tagAt(east))?.body.digest).toBe(next.digest)
  })

  it('are salvaged when nobody had copied them, and never over another one (I5)', async () => {
    const { east, west, context } = scene()
    const digest = await fill(east)
    await salvage(context)
    await expectWhole(west, 'v1')
    expect((await tagAt(west))?.body.digest).toBe(digest)
    const both = (side: Workspace, text: string) =>
      pushLayer(side, text).then((layer) => pushManifest(side, { layers: [layer] }, 'v1'))
    const there = await both(west, 'made in the west')
    await both(east, 'made in the east')
    const { conflicting } = await salvage(context)
    expect(conflicting.map(({ object }) => object)).toEqual(['image/ours%2Ftrain/v1'])
    expect((await tagAt(west))?.body.digest).toBe(there.digest)
  })

  it('need a registry at the secondary, and say so', async () => {
    const { east, west, context } = scene()
    await fill(east)
    const { imageRegistry: _, ...place } = west.place
    const target = { ...west, describe: async () => place }
    expect((await replicate({ ...context, target })).outcome).toBe('partial')
    const direction = { group: 'g', source: 'east', target: 'west' }
    const objects = ['image/ours%2Ftrain/v1', 'environment/train/1']
    const rows = await context.ledger.read(direction, objects)
    expect(objects.map((object) => rows.get(object)?.error?.code)).toEqual([
      'image.no-registry',
      'object.waiting',
    ])
  })

  it('of one registry for both sides are proven where they are', async () => {
    const { east, west, context } = scene()
    await fill(east)
    const { readImage, getObject } = east
    const place: Place = { ...east.place, region: west.place.region }
    const target = {
      ...west,
      readImage,
      describe: async () => place,
      getObject: ((id, options) =>
        (id.kind === 'image' ? getObject : west.getObject)(id, options)) as typeof getObject,
    }
    const result = await replicate({ ...context, target })
    expect(result).toMatchObject({ outcome: 'complete', bytesCopied: 0 })
    expect(west.writes.filter(({ operation }) => /Layer|Image/.test(operation))).toEqual([])
  })
})
