import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PlannedAction } from '../src/api/contract.ts'
import { defaultStrategies } from '../src/plan/strategy-of.ts'
import {
  digestOf,
  imageClient,
  makeRegistry,
  mediaTypes,
} from '../src/region/testing/image-client.ts'
import { settled, startTestRegion, type TestRegion } from '../src/region/testing/test-region.ts'
import { findDrift } from '../src/replication/drift.ts'
import { memoryDefinitions } from '../src/replication/memory-definitions.ts'
import { memoryLedger } from '../src/replication/memory-ledger.ts'
import type { ReplicationContext } from '../src/replication/pass.ts'
import { replicate } from '../src/replication/replicate.ts'
import { verify } from '../src/replication/verify.ts'
import { openAzureMlWorkspace } from '../src/workspace/azureml/azureml-workspace.ts'
import type { Workspace } from '../src/workspace/workspace.ts'

const regions = { east: 'eastus', west: 'westus' } as const
type Member = keyof typeof regions
const groupOf = (member: Member) =>
  `/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-${member}`
const idOf = (member: Member) =>
  `${groupOf(member)}/providers/Microsoft.MachineLearningServices/workspaces/ws-${member}`

interface Side {
  readonly region: TestRegion
  readonly workspace: Workspace
  readonly images: ReturnType<typeof imageClient>
}

let folder: string
let east: Side
let west: Side

async function start(member: Member): Promise<Side> {
  const location = regions[member]
  const region = await startTestRegion({ name: location, caDir: join(folder, 'ca') })
  await region.call('PUT', `${groupOf(member)}?api-version=2022-09-01`, { body: { location } })
  const containerRegistry = await makeRegistry(region, groupOf(member), `acr${member}`)
  const made = await region.call('PUT', `${idOf(member)}?api-version=2025-12-01`, {
    body: { location, identity: { type: 'SystemAssigned' }, properties: { containerRegistry } },
  })
  await settled(region.call, made)
  const workspace = await openAzureMlWorkspace({
    ...{ name: member, workspaceId: idOf(member), cloud: region.region.cloudFile, folder },
  })
  return { region, workspace, images: imageClient(region, `acr${member}`) }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-images-'))
  east = await start('east')
  west = await start('west')
}, 60_000)
afterAll(async () => {
  for (const one of [east, west]) {
    await one?.workspace.close()
    await one?.region.stop()
  }
  rmSync(folder, { recursive: true, force: true })
})

const environment = (name: string, image: string) =>
  east.workspace.putObject(
    { kind: 'environment', path: [name, '1'] },
    { properties: { image } },
    { epoch: 1 },
  )

/** Of repository `ours` at a side, as any client sees it. */
async function digestAt({ images }: Side, repository: string, reference: string) {
  const { status, headers } = await images.ask('HEAD', repository, `manifests/${reference}`)
  return status === 200 ? headers['docker-content-digest'] : undefined
}

describe('container images between two regions', () => {
  const actions: PlannedAction[] = []
  const shared = { ledger: memoryLedger(), definitions: memoryDefinitions() }
  const context = (): ReplicationContext => ({
    ...shared,
    ...{ group: 'fraud-models', source: east.workspace, target: west.workspace, epoch: 1 },
    plan: {
      ...{ apiVersion: 'holdfast/v1', group: 'fraud-models', folder },
      objectives: { rtoMs: 1, rpoMs: 1 },
      members: [
        { name: 'east', workspace: idOf('east'), role: 'primary', cloud: '' },
        { name: 'west', workspace: idOf('west'), role: 'secondary', cloud: '' },
      ],
      ...{ strategies: defaultStrategies, conflicts: [], deletions: 'archive', map: {} },
      ...{ endpoints: [], jobs: { resubmit: 'none' }, notify: [] },
      decide: { automatic: false, graceMs: 1, cooldownMs: 1, vantagePoints: [] },
      drill: { everyMs: 1, jobs: 'none', automatic: false, window: null },
    },
    clock: () => new Date(),
    onAction: (action) => actions.push(action),
  })
  const rowOf = async (object: string) => {
    const direction = { group: 'fraud-models', source: 'east', target: 'west' }
    return (await shared.ledger.read(direction, [object])).get(object)
  }
  let index: { digest: string }

  it('copies an index with all that it leads to, and leads environments to it', async () => {
    const one = await east.images.pushImage('ours/train', ['base layer', 'layer one'])
    const two = await east.images.pushImage('ours/train', ['base layer', 'layer two'])
    const manifests = { manifests: [one, two] }
    index = await east.images.pushManifest('ours/train', manifests, 'v1', mediaTypes.index)
    await east.images.pushImage('azureml/azureml_1234', ['built layer'], 'latest')
    await environment('by-tag', `${east.images.server}/ours/train:v1`)
    await environment('by-digest', `${east.images.server}/ours/train@${two.digest}`)
    await environment('public', 'mcr.microsoft.com/azureml/base:1')

    const result = await replicate(context())
    expect(result).toMatchObject({ outcome: 'complete', error: null })

    for (const reference of ['v1', index.digest, one.digest, two.digest])
      expect(await digestAt(west, 'ours/train', reference)).toBe(
        await digestAt(east, 'ours/train', reference),
      )
    const layer = await west.images.ask('GET', 'ours/train', `blobs/${digestOf('layer two')}`)
    expect(layer.body).toBe('layer two')
    expect(await digestAt(west, 'azureml/azureml_1234', 'latest')).toBe(
      await digestAt(east, 'azureml/azureml_1234', 'latest'),
    )
    const imageOf = async (name: string) => {
      const id = { kind: 'environment', path: [name, '1'] } as const
      const found = await west.workspace.getObject(id)
      return (found?.body.properties as { image?: string } | undefined)?.image
    }
    expect(await imageOf('by-tag')).toBe(`${west.images.server}/ours/train:v1`)
    expect(await imageOf('by-digest')).toBe(`${west.images.server}/ours/train@${two.digest}`)
    expect(await imageOf('public')).toBe('mcr.microsoft.com/azureml/base:1')

    const row = await rowOf('image/ours%2Ftrain/v1')
    expect(row).toMatchObject({
      ...{ state: 'proven', sourceDigest: index.digest, targetDigest: index.digest },
    })
    expect(actions.find(({ object }) => object === 'image/ours%2Ftrain/v1')).toMatchObject({
      ...{ action: 'copy', bytes: row?.bytes },
    })
    expect(row?.bytes).toBeGreaterThan('base layerlayer onelayer two'.length)
  })

  it('moves no byte in the second pass', async () => {
    actions.length = 0
    const result = await replicate(context())
    expect(result).toMatchObject({ outcome: 'complete', bytesCopied: 0, created: 0, updated: 0 })
    expect(actions.filter(({ kind }) => kind === 'image')).toEqual([])
  })

  it('moves a tag that was moved at the source, and sends only what is new', async () => {
    const next = await east.images.pushImage('ours/train', ['base layer', 'a later layer'], 'v1')
    const result = await replicate(context())
    expect(result).toMatchObject({ outcome: 'complete' })
    expect(await digestAt(west, 'ours/train', 'v1')).toBe(next.digest)
    const config = JSON.stringify({
      ...{ architecture: 'amd64', os: 'linux', layers: ['base layer', 'a later layer'] },
    })
    expect(result.bytesCopied).toBe('a later layer'.length + config.length)
    index = next
  })

  it('reads every byte in a full verification, and mends what it finds damaged', async () => {
    expect(await verify(context(), { share: 1, seed: 's', kind: 'image' })).toMatchObject({
      ...{ different: 0, unread: 0 },
    })
    const file = join(
      ...[west.region.dataDir, 'images/layers/acrwest'],
      digestOf('a later layer').replace(':', '-'),
    )
    const damages = [
      () => writeFileSync(file, 'another layer'),
      () => writeFileSync(file, 'a la'),
      () => rmSync(file),
    ]
    for (const damage of damages) {
      damage()
      expect(await verify(context(), { share: 1, seed: 's', kind: 'image' })).toMatchObject({
        ...{ different: 1, unread: 0 },
      })
      const { findings } = await findDrift(context())
      expect(findings).toMatchObject([{ object: 'image/ours%2Ftrain/v1', code: 'drift.damaged' }])
      expect(await replicate(context())).toMatchObject({ outcome: 'complete' })
      const layer = `blobs/${digestOf('a later layer')}`
      expect((await west.images.ask('GET', 'ours/train', layer)).body).toBe('a later layer')
      expect((await findDrift(context())).findings).toEqual([])
    }
  })

  it('names an image that is gone from the secondary as drift, and brings it back', async () => {
    await west.images.ask('DELETE', 'ours/train', `manifests/${index.digest}`)
    const { findings, notCompared } = await findDrift(context())
    expect(findings).toMatchObject([
      { object: 'image/ours%2Ftrain/v1', code: 'drift.missing', severity: 'high', fix: 'sync' },
    ])
    expect(notCompared).not.toContain('container images')
    expect(await replicate(context())).toMatchObject({ outcome: 'complete' })
    expect(await digestAt(west, 'ours/train', 'v1')).toBe(index.digest)
  })

  it('takes no tag away from somebody else at the secondary (I3)', async () => {
    await east.images.pushImage('ours/both', ['of the east'], 'v1')
    const theirs = await west.images.pushImage('ours/both', ['of the west'], 'v1')
    await environment('of-both', `${east.images.server}/ours/both:v1`)
    expect(await replicate(context())).toMatchObject({ outcome: 'partial', conflicts: 1 })
    expect(await digestAt(west, 'ours/both', 'v1')).toBe(theirs.digest)
    const waiting = await rowOf('environment/of-both/1')
    expect(waiting?.error?.message).toBe('waits for image/ours%2Fboth/v1')
  })

  it('leaves what each side has built for itself', async () => {
    await east.images.pushImage('azureml/azureml_5678', ['built in the east'], 'latest')
    await west.images.pushImage('azureml/azureml_5678', ['built in the west'], 'latest')
    await replicate(context())
    const row = await rowOf('image/azureml%2Fazureml_5678/latest')
    expect(row).toMatchObject({ state: 'skipped', error: { code: 'image.built-there' } })
  })

  it('passes over an image that is not even at the source, and says so', async () => {
    await environment('of-nothing', `${east.images.server}/ours/nothing:v1`)
    await replicate(context())
    expect(await rowOf('image/ours%2Fnothing/v1')).toMatchObject({
      ...{ state: 'skipped', error: { code: 'image.not-at-source' } },
    })
    expect((await rowOf('environment/of-nothing/1'))?.state).toBe('proven')
  })
})
