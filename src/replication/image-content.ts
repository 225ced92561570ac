import { createHash } from 'node:crypto'
import { HoldfastError, isCode } from '../model/errors.ts'
import { isObject } from '../model/field-path.ts'
import type { Json, JsonObject } from '../model/json.ts'
import type { ImageLayer, ImageManifest, Workspace } from '../workspace/workspace.ts'
import { type Pass, reading, writing } from './pass-state.ts'

/** What a manifest names: the images of an index, or configuration and layers. */
interface Parts {
  readonly manifests: readonly string[]
  readonly layers: readonly ImageLayer[]
}

/** Throws `image.unsupported` for the manifests of before 2017, which name no configuration. */
function partsOf({ content, digest }: ImageManifest): Parts {
  const document = JSON.parse(Buffer.from(content).toString('utf8')) as Json
  if (!isObject(document) || document.schemaVersion !== 2)
    throw new HoldfastError(
      'image.unsupported',
      `${digest} is a manifest of another schema than 2`,
      {
        kind: 'operator',
        hint: 'Push the image again with a client of today.',
      },
    )
  const layers = [document.config, ...listOf(document.layers), ...listOf(document.blobs)]
  return {
    manifests: listOf(document.manifests).map((one) => String(one.digest)),
    layers: layers
      .filter((one): one is JsonObject => isObject(one))
      // A layer with addresses of its own lies elsewhere, and stays there.
      .filter(({ urls }) => urls === undefined)
      .map((one) => ({ digest: String(one.digest), sizeBytes: Number(one.size) })),
  }
}

const listOf = (value: Json | undefined): JsonObject[] =>
  Array.isArray(value) ? value.filter(isObject) : []

/** An image with everything it consists of, each part once; children come before what names them. */
export interface ImageContent {
  readonly manifests: readonly ImageManifest[]
  readonly layers: readonly ImageLayer[]
  readonly sizeBytes: number
}

/** Throws `image.not-found` when it, or a part of it, is not there. */
export async function readContent(
  pass: Pass,
  side: Workspace,
  repository: string,
  reference: string,
): Promise<ImageContent> {
  const manifests = new Map<string, ImageManifest>()
  const layers = new Map<string, ImageLayer>()
  const walk = async (one: string): Promise<void> => {
    const manifest = await side.readImage(repository, one, reading(pass))
    if (manifest === undefined)
      throw new HoldfastError('image.not-found', `${side.name} has no image ${repository}@${one}`)
    const parts = partsOf(manifest)
    for (const layer of parts.layers) layers.set(layer.digest, layer)
    for (const child of parts.manifests) if (!manifests.has(child)) await walk(child)
    manifests.set(manifest.digest, manifest)
  }
  await walk(reference)
  const sizes = [
    ...[...layers.values()].map(({ sizeBytes }) => sizeBytes),
    ...[...manifests.values()].map(({ content }) => content.byteLength),
  ]
  return {
    manifests: [...manifests.values()],
    layers: [...layers.values()],
    sizeBytes: sizes.reduce((sum, size) => sum + size, 0),
  }
}

/**
 * Layers first, then manifests by digest, at the end the tag: whoever looks meanwhile finds the image
 * whole or not at all. Layers that are there are not sent again, unless they are damaged.
 */
export async function copyContent(
  pass: Pass,
  repository: string,
  reference: string,
  { manifests, layers }: ImageContent,
  isDamaged: boolean,
): Promise<void> {
  const { source, target } = pass.context
  for (const layer of layers) {
    if (!isDamaged && (await target.hasLayer(repository, layer.digest, reading(pass)))) continue
    const content = await source.readLayer(repository, layer.digest, reading(pass))
    await target.writeLayer(repository, layer, content, writing(pass))
    pass.tally.bytesCopied += layer.sizeBytes
  }
  for (const manifest of manifests)
    await target.writeImage(repository, manifest.digest, manifest, writing(pass))
  const whole = manifests.at(-1)
  if (whole !== undefined && reference !== whole.digest)
    await target.writeImage(repository, reference, whole, writing(pass))
}

/** Reads every byte; names the first layer that is missing or not what its digest says. */
export async function findDamage(
  pass: Pass,
  side: Workspace,
  repository: string,
  { layers }: ImageContent,
): Promise<string | undefined> {
  for (const { digest } of layers) {
    const hash = createHash('sha256')
    try {
      for await (const piece of await side.readLayer(repository, digest, reading(pass)))
        hash.update(piece)
    } catch (error) {
      if (isCode(error, 'image.not-found')) return digest
      throw error
    }
    if (`sha256:${hash.digest('hex')}` !== digest) return digest
  }
  return undefined
}
