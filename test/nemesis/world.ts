import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type ApiClient, createClient } from '../../src/api/client.ts'
import { RestClient } from '../../src/cli/demo/rest-client.ts'
import { createWorkspace } from '../../src/cli/demo/workspace-calls.ts'
import { planText } from '../../src/plan/write-plan.ts'
import { applyImport, planImport } from '../../src/specification/import-folder.ts'
import { openAzureMlWorkspace } from '../../src/workspace/azureml/azureml-workspace.ts'
import { secretOf } from '../../src/workspace/secret.ts'
import type { Workspace } from '../../src/workspace/workspace.ts'
import { entry } from '../faults/protected-pair.ts'
import { type NodeName, nodes } from './network.ts'
import { databaseUrl, preparePostgres } from './postgres.ts'
import { Station } from './station.ts'

export type MemberName = 'east' | 'west'
export const memberNames: readonly MemberName[] = ['east', 'west']
export const controllerNames = ['control-a', 'control-b'] as const
export type ControllerName = (typeof controllerNames)[number]

/** One failover group in the namespaces, with all that belongs to it. */
export interface World {
  readonly folder: string
  readonly group: string
  readonly automatic: boolean
  readonly stations: ReadonlyMap<NodeName, Station>
  readonly workspaces: Readonly<Record<MemberName, Workspace>>
  /** ARM ids. */
  readonly ids: Readonly<Record<MemberName, string>>
  readonly gateway: string
  /** Follows the effective primary; programs read there where to go. */
  readonly config: string
  /** Jobs write down here what they do, past every network. */
  readonly truth: string
  controller(name: ControllerName): ApiClient
  close(): Promise<void>
}

const group = 'nemesis'
const controllerPort = 7420
const gatewayPort = 8443

export async function buildWorld(
  folder: string,
  options: { readonly automatic: boolean; readonly controllers: number },
): Promise<World> {
  mkdirSync(folder, { recursive: true })
  const stations = new Map<NodeName, Station>()
  const start = async (station: Station) => {
    stations.set(station.node, station)
    await station.start()
  }
  await start(await preparePostgres(folder))
  const clouds = { east: '', west: '' }
  for (const [member, region] of [
    ['east', 'eastus'],
    ['west', 'westus'],
  ] as const) {
    await start(regionStation(folder, member, region))
    clouds[member] = join(folder, member, 'cloud.json')
  }
  const subscription = randomUUID()
  const ids = { east: workspaceId(subscription, 'east'), west: workspaceId(subscription, 'west') }
  const open = (name: MemberName) =>
    openAzureMlWorkspace({ name, workspaceId: ids[name], cloud: clouds[name], folder })
  for (const member of memberNames) {
    const client = await RestClient.open(clouds[member])
    await createWorkspace(client, ids[member])
    await client.close()
  }
  const workspaces = { east: await open('east'), west: await open('west') }
  await importSample(workspaces.east)
  const plan = join(folder, 'continuity.yaml')
  writeFileSync(plan, planOf(clouds, ids, options))
  const state = join(folder, 'state')
  mkdirSync(state, { mode: 0o700 })
  for (const name of controllerNames.slice(0, options.controllers)) {
    // They share the pointer of the gateway, and are two: on one host the folder's name tells them apart.
    symlinkSync(state, join(folder, `state-${name}`))
    await start(controllerStation(folder, name, plan, join(folder, `state-${name}`)))
  }
  await start(
    holdfastStation(folder, 'gateway', [...['gateway', '--plan', plan], ...['--state', state]]),
  )
  const note = () =>
    JSON.parse(readFileSync(join(state, 'controller.json'), 'utf8')) as { token: string }
  const token = note().token
  if (options.automatic) {
    for (const name of ['north', 'south'] as const) {
      await start(probeStation(folder, name, plan, token))
    }
  }
  const truth = join(folder, 'truth.txt')
  writeFileSync(truth, '')
  return {
    ...{ folder, group, automatic: options.automatic, stations, workspaces, ids, truth },
    gateway: `http://${nodes.gateway}:${gatewayPort}`,
    config: join(folder, 'config.json'),
    controller: (name) => createClient({ url: `http://${nodes[name]}:${controllerPort}`, token }),
    close: async () => {
      await Promise.all(memberNames.map((name) => workspaces[name].close()))
      for (const station of [...stations.values()].reverse()) await station.kill()
    },
  }
}

const workspaceId = (subscription: string, name: string) =>
  `/subscriptions/${subscription}/resourceGroups/rg-nemesis/providers/Microsoft.MachineLearningServices/workspaces/nemesis-${name}`

function holdfastStation(
  folder: string,
  node: NodeName,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Station {
  if (!existsSync(entry)) throw new Error('build first: node scripts/build.mjs')
  return new Station({
    ...{ node, folder, log: join(folder, `${node}.log`), env: { ...process.env, ...env } },
    words: [process.execPath, entry, ...args, '--exit-with-parent', '--json'],
  })
}

function regionStation(folder: string, node: MemberName, region: string): Station {
  return holdfastStation(folder, node, [
    ...['region', 'start', '--name', region, '--data', join(folder, node)],
    ...['--host', nodes[node], '--port', '7001', '--storage-port', '7002'],
    ...['--ca-dir', join(folder, 'ca')],
  ])
}

function controllerStation(folder: string, node: ControllerName, plan: string, state: string) {
  const args = [
    ...['controller', '--plan', plan, '--state', state],
    ...['--listen', `${nodes[node]}:${controllerPort}`],
    ...['--sync-every', '2s', '--probe-every', '500ms'],
    // The namespaces are our own; anywhere else a proxy with TLS would have to stand here.
    ...['--public-url', `https://${node}.invalid`],
  ]
  return holdfastStation(folder, node, args, { HOLDFAST_DATABASE_URL: databaseUrl })
}

function probeStation(folder: string, node: 'north' | 'south', plan: string, token: string) {
  const server = `http://${nodes['control-a']}:${controllerPort}`
  const args = ['probe', '--plan', plan, '--name', node, '--server', server]
  return holdfastStation(folder, node, [...args, '--probe-every', '500ms'], {
    HOLDFAST_TOKEN: token,
  })
}

async function importSample(workspace: Workspace): Promise<void> {
  const options = { submitJobs: false, jobName: () => 'job', epoch: 1, wrapSecret: secretOf }
  const sample = resolve(import.meta.dirname, '..', '..', 'sample')
  const { failed } = await applyImport(
    workspace,
    await planImport(workspace, sample, options),
    options,
  )
  if (failed.length > 0) throw new Error(`the sample was not imported: ${JSON.stringify(failed)}`)
}

function planOf(
  clouds: Readonly<Record<MemberName, string>>,
  ids: Readonly<Record<MemberName, string>>,
  { automatic }: { readonly automatic: boolean },
): string {
  const text = planText({
    group,
    members: [
      { name: 'east', workspace: ids.east, role: 'primary', cloud: clouds.east },
      { name: 'west', workspace: ids.west, role: 'secondary', cloud: clouds.west },
    ],
    workspaceConfig: './config.json',
    gateway: { name: 'scoring', match: '*', listen: `${nodes.gateway}:${gatewayPort}` },
  }).replace(/^jobs: .*$/m, 'jobs: { resubmit: all }')
  return automatic
    ? text.replace(
        /^decide: .*$/m,
        'decide: { automatic: true, grace: 1500ms, cooldown: 0s, vantagePoints: [north, south] }',
      )
    : text
}
