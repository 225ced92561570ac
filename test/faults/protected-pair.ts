import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { Processes } from '../../src/cli/demo/processes.ts'
import { RestClient } from '../../src/cli/demo/rest-client.ts'
import { createWorkspace } from '../../src/cli/demo/workspace-calls.ts'
import { planText } from '../../src/plan/write-plan.ts'
import { applyImport, planImport } from '../../src/specification/import-folder.ts'
import { startGateway } from '../../src/traffic/gateway/start-gateway.ts'
import { openAzureMlWorkspace } from '../../src/workspace/azureml/azureml-workspace.ts'
import { secretOf } from '../../src/workspace/secret.ts'
import type { Workspace } from '../../src/workspace/workspace.ts'

/** Two local regions, each a process that can be killed. */
export interface RegionPair {
  readonly folder: string
  readonly processes: Processes
  readonly east: string
  readonly west: string
}

export const entry = resolve(import.meta.dirname, '..', '..', 'dist', 'holdfast.js')

export async function startRegionPair(
  folder: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<RegionPair> {
  mkdirSync(folder, { recursive: true })
  const processes = new Processes({ folder, logs: folder, entry, env })
  const start = async (name: string, region: string) => {
    const data = join(folder, name)
    await processes.start(name, [
      ...['region', 'start', '--name', region, '--data', data],
      ...['--ca-dir', join(folder, 'ca'), '--exit-with-parent', '--json'],
    ])
    return join(data, 'cloud.json')
  }
  return {
    folder,
    processes,
    east: await start('east', 'eastus'),
    west: await start('west', 'westus'),
  }
}

/** One failover group on a pair of regions: two workspaces, the sample, an open job with checkpoints. */
export interface ProtectedPair {
  readonly name: string
  /** ARM ids. */
  readonly workspaces: { readonly east: string; readonly west: string }
  readonly planFile: string
  readonly stateDir: string
  readonly config: string
  /** Every start of its job, in either region, adds the job's name as a line. */
  readonly starts: string
  readonly openEast: () => Promise<Workspace>
  readonly openWest: () => Promise<Workspace>
  readonly stopGateway: () => Promise<void>
}

/** A subscription for each group: its quota would not let the jobs of many run at once. */
const workspaceId = (subscription: string, name: string) =>
  `/subscriptions/${subscription}/resourceGroups/rg-${name}/providers/Microsoft.MachineLearningServices/workspaces/${name}`

export async function createProtectedPair(pair: RegionPair, name: string): Promise<ProtectedPair> {
  const folder = join(pair.folder, name)
  mkdirSync(folder, { recursive: true })
  const subscription = randomUUID()
  const ids = {
    east: workspaceId(subscription, `${name}-east`),
    west: workspaceId(subscription, `${name}-west`),
  }
  for (const member of ['east', 'west'] as const) {
    const client = await RestClient.open(pair[member])
    await createWorkspace(client, ids[member])
    await client.close()
  }
  const open = (member: 'east' | 'west') =>
    openAzureMlWorkspace({ name: member, workspaceId: ids[member], cloud: pair[member], folder })
  const starts = join(folder, 'starts.txt')
  writeFileSync(starts, '')
  const east = await open('east')
  await fill(east, ids.east, starts)
  await east.close()
  const stateDir = join(folder, 'state')
  const port = await freePort()
  const config = join(folder, 'config.json')
  const planFile = join(folder, 'continuity.yaml')
  writeFileSync(planFile, planOf(pair, ids, name, port))
  const gateway = await startGateway({
    name: 'scoring',
    listen: `127.0.0.1:${port}`,
    pointerFile: join(stateDir, 'gateway-scoring.json'),
  })
  return {
    ...{ name, workspaces: ids, planFile, stateDir, config, starts },
    openEast: () => open('east'),
    openWest: () => open('west'),
    stopGateway: () => gateway.stop(),
  }
}

async function fill(workspace: Workspace, id: string, starts: string): Promise<void> {
  const options = { submitJobs: false, jobName: () => 'job', epoch: 1, wrapSecret: secretOf }
  const plan = await planImport(
    workspace,
    resolve(import.meta.dirname, '..', '..', 'sample'),
    options,
  )
  const { failed } = await applyImport(workspace, plan, options)
  if (failed.length > 0) throw new Error(`the sample was not imported: ${JSON.stringify(failed)}`)
  await workspace.putObject(
    { kind: 'model', path: ['cold-model', '1'] },
    {
      properties: {
        modelUri: 'azureml://datastores/workspaceblobstore/paths/cold/',
        modelType: 'custom_model',
      },
    },
    { epoch: 1 },
  )
  for (const step of [1, 2, 10]) {
    const bytes = new TextEncoder().encode(JSON.stringify({ step }))
    await workspace.writeBlob(
      'workspaceblobstore',
      {
        ...{ name: `checkpoints/train/step-${step}.json`, sizeBytes: bytes.length },
        ...{ etag: '', modifiedAt: '', metadata: {} },
      },
      new Blob([bytes]).stream(),
      { epoch: 1 },
    )
  }
  await workspace.submitJob('train', trainJob(id, starts), { epoch: 1 })
}

function trainJob(id: string, starts: string) {
  return {
    properties: {
      jobType: 'Command',
      experimentName: 'training',
      // Endless in the first region, where only the first ones run and the others wait.
      command: `echo "$AZUREML_RUN_ID" >> ${starts}; case "$AZUREML_RUN_ID" in *-e2) ;; *) sleep 900 ;; esac`,
      environmentId: `${id}/environments/fraud-python/versions/1`,
      computeId: `${id}/computes/cpu-cluster`,
      outputs: {
        checkpoints: {
          jobOutputType: 'uri_folder',
          uri: 'azureml://datastores/workspaceblobstore/paths/checkpoints/train/',
          mode: 'ReadWriteMount',
        },
      },
    },
  }
}

function planOf(
  pair: RegionPair,
  ids: { readonly east: string; readonly west: string },
  name: string,
  port: number,
): string {
  return planText({
    group: name,
    members: [
      { name: 'east', workspace: ids.east, role: 'primary', cloud: pair.east },
      { name: 'west', workspace: ids.west, role: 'secondary', cloud: pair.west },
    ],
    workspaceConfig: './config.json',
    gateway: { name: 'scoring', match: '*', listen: `127.0.0.1:${port}` },
  }).replace(
    'strategies: []',
    [
      'strategies:',
      '  - { kind: model, name: "cold-*", strategy: hot-cold }',
      '  - { kind: online-endpoint, strategy: hot-cold }',
    ].join('\n'),
  )
}

export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
