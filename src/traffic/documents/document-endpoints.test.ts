import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BlobServiceClient, newPipeline } from '@azure/storage-blob'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startTestRegion, type TestRegion } from '../../region/testing/test-region.ts'
import { type Cloud, openCloud } from '../../workspace/azureml/cloud.ts'
import {
  describeEndpointContract,
  type EndpointWorld,
  targetOf,
} from '../testing/endpoint-contract.ts'
import { workspaceConfigEndpoint } from '../workspace-config.ts'
import { parseDocument, pointerIn } from './config-document.ts'
import { workspaceConfigBlobEndpoint } from './workspace-config-blob.ts'
import { workspaceConfigGitEndpoint } from './workspace-config-git.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})
function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'holdfast-documents-'))
  folders.push(made)
  return made
}

const elsewhere = JSON.stringify({ holdfast: { member: 'north', epoch: 1 } })

describeEndpointContract('workspace config file', async () => {
  const path = join(folder(), 'config.json')
  return {
    endpoint: workspaceConfigEndpoint({ path }),
    another: () => workspaceConfigEndpoint({ path }),
    leadsTo: async () => pointerIn(parseDocument(readFileSync(path, 'utf8'))),
    mark: async () => readFileSync(path, 'utf8'),
    tamper: async () => writeFileSync(path, elsewhere),
  }
})

// --- Git ---------------------------------------------------------------------------------------

/** A bare repository with one commit on `main`, and a clone as a colleague has it. */
function gitWorld() {
  const root = folder()
  const [bare, clone] = [join(root, 'bare.git'), join(root, 'clone')]
  const git = (cwd: string, ...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=A', '-c', 'user.email=a@localhost', ...args], {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  git(root, 'init', '--quiet', '--bare', '--initial-branch=main', bare)
  git(root, 'clone', '--quiet', bare, clone)
  const push = (file: string, text: string) => {
    git(clone, 'pull', '--quiet', '--rebase', 'origin', 'main')
    commit(file, text)
  }
  const commit = (file: string, text: string) => {
    writeFileSync(join(clone, file), text)
    git(clone, 'add', '.')
    git(clone, 'commit', '--quiet', '--message', 'By hand')
    git(clone, 'push', '--quiet', 'origin', 'HEAD:main')
  }
  commit('README.md', 'hello')
  const open = () =>
    workspaceConfigGitEndpoint({
      repository: `file://${bare}`,
      file: 'ml/config.json',
      branch: 'main',
    })
  return {
    open,
    push,
    head: () => git(bare, 'rev-parse', 'main').trim(),
    log: () => git(bare, 'log', '--format=%s', 'main').trim().split('\n'),
    show: (file: string) => git(bare, 'show', `main:${file}`),
  }
}

const openGit = async (): Promise<EndpointWorld> => {
  const { open, push, head, show } = gitWorld()
  return {
    endpoint: open(),
    another: open,
    leadsTo: async () => pointerIn(parseDocument(show('ml/config.json'))),
    mark: async () => head(),
    tamper: async () => push('ml/config.json', elsewhere),
  }
}
describeEndpointContract('workspace config in Git', openGit)

describe('workspace config in Git', () => {
  it('is one commit for each switch, beside the commits of others', async () => {
    const { open, push, log, show } = gitWorld()
    await open().switchTo({ member: 'east', epoch: 1 }, targetOf('east'))
    push('README.md', 'changed')
    await open().switchTo({ member: 'west', epoch: 2 }, targetOf('west'))
    expect(log()).toEqual([
      'Lead to west in epoch 2',
      'By hand',
      'Lead to east in epoch 1',
      'By hand',
    ])
    expect(show('README.md')).toBe('changed')
    expect(parseDocument(show('ml/config.json'))).toMatchObject({ workspace_name: 'ws-west' })
  })

  it('names a repository that cannot be cloned, without the password in its address (I9)', async () => {
    const endpoint = workspaceConfigGitEndpoint({
      repository: 'http://someone:hunter2@127.0.0.1:1/repo.git',
      file: 'config.json',
      branch: 'main',
      token: () => 'very-secret',
    })
    const error = await endpoint.current().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'traffic.git-failed', kind: 'operator' })
    const said = JSON.stringify(error, Object.getOwnPropertyNames(error))
    expect(said).not.toMatch(/hunter2|very-secret/)
  })
})

// --- Blob --------------------------------------------------------------------------------------

const arm = '/subscriptions/sub/resourceGroups/rg/providers'
let region: TestRegion
let cloud: Cloud
let blobs: BlobServiceClient
let container = 0

beforeAll(async () => {
  region = await startTestRegion()
  cloud = await openCloud(region.region.cloudFile, '.')
  const id = `${arm}/Microsoft.Storage/storageAccounts/witness?api-version=2023-01-01`
  const body = { location: 'eastus', sku: { name: 'Standard_LRS' }, kind: 'StorageV2' }
  expect((await region.call('PUT', id, { body })).status).toBeLessThan(300)
  const pipeline = newPipeline(await cloud.credential(), {
    retryOptions: { maxTries: 1 },
    ...(cloud.ca === undefined ? {} : { tlsOptions: { ca: cloud.ca } }),
  })
  blobs = new BlobServiceClient(`${region.region.storageOrigin}/witness`, pipeline)
})
afterAll(() => region?.stop())

describeEndpointContract('workspace config in a blob', async () => {
  const client = blobs.getContainerClient(`config-${container++}`)
  await client.create()
  const blob = client.getBlockBlobClient('ml/config.json')
  const open = () =>
    workspaceConfigBlobEndpoint({
      url: decodeURIComponent(blob.url),
      cloud: async () => cloud,
    })
  return {
    endpoint: open(),
    another: open,
    leadsTo: async () => pointerIn(parseDocument((await blob.downloadToBuffer()).toString())),
    mark: async () => (await blob.getProperties()).etag,
    tamper: async () => void (await blob.upload(elsewhere, elsewhere.length)),
  }
})
