import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import { imageId } from '../../model/images.ts'
import { collect } from '../pages.ts'
import type { Workspace } from '../workspace.ts'

const repository = 'azureml/contract'
const bytes = new TextEncoder().encode('a layer')
const layer = { digest: sha256(bytes), sizeBytes: bytes.length }
const mediaType = 'application/vnd.oci.image.manifest.v1+json'
const config = {
  ...{ mediaType: 'application/vnd.oci.image.config.v1+json' },
  ...{ digest: layer.digest, size: layer.sizeBytes },
}
const content = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [] }))
const manifest = { digest: sha256(content), mediaType, content }
const options = { epoch: 1 }

/** The container registry as the port promises it. */
export async function keepsImages(workspace: Workspace): Promise<void> {
  await keepsLayers(workspace)
  expect(await workspace.getObject(imageId(repository, 'v1'))).toBeUndefined()
  expect(await workspace.readImage(repository, 'v1')).toBeUndefined()
  const listed = () => collect((page) => workspace.listObjects('image', page))
  await workspace.writeImage(repository, manifest.digest, manifest, options)
  expect(await listed()).toEqual([])
  await workspace.writeImage(repository, 'v1', manifest, options)
  expect((await listed()).map(({ id }) => id)).toEqual([imageId(repository, 'v1')])
  for (const reference of ['v1', manifest.digest]) {
    const found = await workspace.readImage(repository, reference)
    expect(found).toMatchObject({ digest: manifest.digest, mediaType })
    expect(Buffer.from(found?.content ?? [])).toEqual(content)
    const id = imageId(repository, reference)
    const body = { digest: manifest.digest, mediaType }
    expect(await workspace.getObject(id)).toEqual({ id, body, etag: manifest.digest })
  }
}

async function keepsLayers(workspace: Workspace): Promise<void> {
  const { digest } = layer
  const isThere = () => workspace.hasLayer(repository, digest)
  expect(await isThere()).toBe(false)
  await expect(workspace.readLayer(repository, digest)).rejects.toMatchObject({
    code: 'image.not-found',
  })
  const other = new Blob(['b layer']).stream()
  const refused = { code: 'object.refused' }
  await expect(workspace.writeLayer(repository, layer, other, options)).rejects.toMatchObject(
    refused,
  )
  expect(await isThere()).toBe(false)
  for (let times = 0; times < 2; times += 1)
    await workspace.writeLayer(repository, layer, new Blob([bytes]).stream(), options)
  expect(await isThere()).toBe(true)
  const read = await workspace.readLayer(repository, digest)
  expect(await new Response(read).text()).toBe('a layer')
}

function sha256(of: Uint8Array): string {
  return `sha256:${createHash('sha256').update(of).digest('hex')}`
}
