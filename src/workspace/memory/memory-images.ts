import { createHash } from 'node:crypto'
import { HoldfastError } from '../../model/errors.ts'
import { imageId } from '../../model/images.ts'
import type { ObjectId } from '../../model/object-id.ts'
import type { Workspace, WorkspaceObject } from '../workspace.ts'
import { readAll, streamOf } from './memory-blobs.ts'
import { begin, type MemoryWorld } from './memory-world.ts'

type ImageOperations = Pick<
  Workspace,
  'readImage' | 'hasLayer' | 'readLayer' | 'writeLayer' | 'writeImage'
>

export function memoryImages(world: MemoryWorld): ImageOperations {
  return {
    async readImage(repository, reference, options) {
      await begin(world, options)
      return world.images.get(`${repository}/${reference}`)
    },

    async hasLayer(repository, digest, options) {
      await begin(world, options)
      return world.layers.has(`${repository}/${digest}`)
    },

    async readLayer(repository, digest, options) {
      await begin(world, options)
      const bytes = world.layers.get(`${repository}/${digest}`)
      if (bytes === undefined)
        throw new HoldfastError('image.not-found', `${world.name} has no layer ${digest}`)
      return streamOf(bytes, options?.signal)
    },

    async writeLayer(repository, { digest }, content, options) {
      await begin(world, options)
      requireRegistry(world)
      const bytes = await readAll(content, options.signal)
      if (digestOf(bytes) !== digest)
        throw new HoldfastError('object.refused', `the bytes are not those of ${digest}`)
      world.layers.set(`${repository}/${digest}`, bytes)
      const target = `${repository}/${digest}`
      world.writes.push({ operation: 'writeLayer', target, epoch: options.epoch })
    },

    async writeImage(repository, reference, manifest, options) {
      await begin(world, options)
      requireRegistry(world)
      for (const name of [reference, manifest.digest])
        world.images.set(`${repository}/${name}`, manifest)
      const target = `${repository}/${reference}`
      world.writes.push({ operation: 'writeImage', target, epoch: options.epoch })
    },
  }
}

export function imageObject(world: MemoryWorld, id: ObjectId): WorkspaceObject | undefined {
  const found = world.images.get(id.path.join('/'))
  if (found === undefined) return undefined
  const { digest, mediaType } = found
  return { id, body: { digest, mediaType }, etag: digest }
}

export function builtImages(world: MemoryWorld): WorkspaceObject[] {
  return [...world.images.keys()]
    .filter((name) => /^azureml\/.*\/[^:]*$/.test(name))
    .sort()
    .map((name) => {
      const slash = name.lastIndexOf('/')
      const id = imageId(name.slice(0, slash), name.slice(slash + 1))
      return { id, body: {}, isSummary: true }
    })
}

function requireRegistry({ name, place }: MemoryWorld): void {
  if (place.imageRegistry !== undefined) return
  throw new HoldfastError('image.no-registry', `${name} has no container registry`, {
    kind: 'operator',
    place: name,
    hint: 'Give the workspace a container registry.',
  })
}

const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
