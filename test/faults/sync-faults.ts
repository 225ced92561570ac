import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { createClient } from '../../src/api/client.ts'
import type { Operation } from '../../src/api/contract.ts'
import { Processes } from '../../src/cli/demo/processes.ts'
import { type RegionClient, regionClient } from '../../src/region/testing/test-region.ts'
import type { Workspace } from '../../src/workspace/workspace.ts'
import type { Random } from '../simulation/random.ts'
import {
  createProtectedPair,
  entry,
  type ProtectedPair,
  type RegionPair,
} from './protected-pair.ts'
import { kills, regionTroubles, type Side } from './sync-fault-kinds.ts'
import { differencesOf, isThere, type Written, writeSome } from './sync-world.ts'

export interface SyncRound {
  readonly fault: string
  readonly round: number
  /** Syncs until one proved everything, the disturbed one included. */
  readonly syncs: number
  readonly ms: number
  /** Looks of the witness that the target answered. */
  readonly looks: number
  /** What must never be: empty. */
  readonly broken: readonly string[]
}

/** More syncs than this are no rest. */
const mostSyncs = 12

interface Disturbed {
  readonly pair: RegionPair
  readonly made: ProtectedPair
  readonly processes: Processes
  readonly east: Workspace
  readonly west: Workspace
  readonly switches: Readonly<Record<Side, RegionClient>>
  readonly written: Written[]
}

/** Rounds of one kind of fault on a group of their own: write, sync, disturb, sync until quiet, compare. */
export async function disturbSyncs(
  pair: RegionPair,
  fault: string,
  rounds: number,
  random: Random,
): Promise<SyncRound[]> {
  const made = await createProtectedPair(pair, `f-${fault}`.slice(0, 16).toLowerCase())
  const processes = new Processes({
    ...{ folder: pair.folder, logs: pair.folder, entry, env: process.env },
  })
  const [east, west] = [await made.openEast(), await made.openWest()]
  const switches = { east: regionClient(pair.east), west: regionClient(pair.west) }
  const world = { pair, made, processes, east, west, switches, written: [] }
  const done: SyncRound[] = []
  try {
    if (fault !== 'kill-sync') await startController(world)
    for (let round = 1; round <= rounds; round += 1)
      done.push(await disturbOnce(world, fault, round, random))
    return done
  } finally {
    await processes.stopAll()
    await made.stopGateway()
    for (const side of [east, west, switches.east, switches.west]) await side.close()
  }
}

async function disturbOnce(
  world: Disturbed,
  fault: string,
  round: number,
  random: Random,
): Promise<SyncRound> {
  const begin = performance.now()
  world.written.push(...(await writeSome(world.east, random, `r${round}`)))
  const witness = fault === 'kill-sync' ? undefined : watch(world, random)
  await (isKill(fault) ? killOnce(world, fault, random) : troubleOnce(world, fault, random))
  const { syncs, last } = await syncUntilQuiet(world, fault)
  const seen = await witness?.stop()
  const broken = [
    ...(seen?.broken ?? []),
    ...(last === 'complete' ? [] : [`${syncs} syncs did not prove everything: ${last}`]),
    ...(await differencesOf(world.east, world.west)),
  ]
  const ms = Math.round(performance.now() - begin)
  return { fault, round, syncs: syncs + 1, ms, looks: seen?.looks ?? 0, broken }
}

const isKill = (fault: string): fault is (typeof kills)[number] =>
  (kills as readonly string[]).includes(fault)

async function troubleOnce(world: Disturbed, fault: string, random: Random): Promise<void> {
  const origin = new URL(cloudOf(world.pair.east).resourceManager).origin
  const trouble = regionTroubles[fault]?.(random, origin)
  if (trouble === undefined) throw new Error(`there is no fault '${fault}'`)
  const syncing = sync(world).catch(() => undefined)
  await delay(random.below(600))
  for (const side of trouble.sides) await switchFault(world, side, trouble.fault)
  await delay(300 + random.below(1500))
  for (const side of trouble.sides) await switchFault(world, side, undefined)
  await syncing
}

async function killOnce(
  world: Disturbed,
  how: (typeof kills)[number],
  random: Random,
): Promise<void> {
  if (how === 'kill-sync') {
    const child = spawn(process.execPath, [entry, ...syncWords(world.made)], { stdio: 'ignore' })
    const ended = once(child, 'exit')
    await Promise.race([ended, delay(1500 + random.below(4000))])
    child.kill('SIGKILL')
    await ended
    return
  }
  const syncing = sync(world).catch(() => undefined)
  await delay(random.below(1500))
  await world.processes.kill('controller')
  await startController(world)
  await syncing
}

async function syncUntilQuiet(
  world: Disturbed,
  fault: string,
): Promise<{ readonly syncs: number; readonly last: string }> {
  let last = 'none'
  for (let syncs = 1; syncs <= mostSyncs; syncs += 1) {
    last = fault === 'kill-sync' ? await syncByCommand(world) : await syncByController(world)
    if (last === 'complete') return { syncs, last }
    await delay(500)
  }
  return { syncs: mostSyncs, last }
}

async function syncByController(world: Disturbed): Promise<string> {
  const { outcome, error } = await sync(world)
  return outcome === 'complete' ? outcome : `${outcome} ${error?.code ?? ''}`
}

async function syncByCommand(world: Disturbed): Promise<string> {
  const { code, stdout } = await world.processes.run(syncWords(world.made))
  return code === 0 ? 'complete' : `exit code ${code}: ${stdout.slice(-300)}`
}

const syncWords = ({ planFile, stateDir }: ProtectedPair) => [
  ...['sync', '--plan', planFile, '--state', stateDir],
]

async function startController({ processes, made }: Disturbed): Promise<void> {
  await processes.start('controller', [
    ...['controller', '--plan', made.planFile, '--state', made.stateDir],
    ...['--listen', '127.0.0.1:0', '--sync-every', '1h', '--exit-with-parent', '--json'],
  ])
}

const clientOf = ({ made }: Disturbed) =>
  createClient(JSON.parse(readFileSync(`${made.stateDir}/controller.json`, 'utf8')))

/** A sync that a killed controller left is taken up again, and then it is the one to wait for. */
async function sync(world: Disturbed): Promise<Operation> {
  const client = clientOf(world)
  let operation =
    (await client.operations({ group: world.made.name })).items.find(
      ({ outcome }) => outcome === null,
    ) ?? (await client.start(world.made.name, 'sync'))
  while (operation.outcome === null && operation.status !== 'unknown') {
    await delay(50)
    operation = await client.operation(operation.id)
  }
  return operation
}

/**
 * Looks all the while: what the ledger calls proven is at the target, and so is all that was written
 * before the replication point (I4).
 */
function watch(world: Disturbed, random: Random) {
  const stopped = new AbortController()
  const broken: string[] = []
  let looks = 0
  const check = async (what: string, object: Written['id'] | string) => {
    const there = await isThere(world.west, object)
    if (there !== undefined) looks += 1
    if (there === false) broken.push(`${what} and is not at the target: ${JSON.stringify(object)}`)
  }
  const look = async () => {
    const client = clientOf(world)
    const [group] = (await client.status()).groups
    const point = Date.parse(group?.replicationPoint ?? '')
    const before = world.written.filter(({ atMs }) => atMs < point)
    if (before.length > 0) await check('it is older than the point', random.pick(before).id)
    for (const kind of ['run', 'blob', 'model']) {
      const { items } = await client.objects(world.made.name, { kind, state: 'proven', limit: 200 })
      if (items.length > 0) await check('the ledger calls it proven', random.pick(items).object)
    }
  }
  const looking = (async () => {
    while (!stopped.signal.aborted) {
      // A controller that was killed says nothing until it is there again.
      await look().catch(() => undefined)
      await delay(100, undefined, { signal: stopped.signal }).catch(() => undefined)
    }
  })()
  return {
    stop: async () => {
      stopped.abort()
      await looking
      return { looks, broken }
    },
  }
}

async function switchFault(world: Disturbed, side: Side, fault: object | undefined): Promise<void> {
  const client = world.switches[side]
  const origin = new URL(cloudOf(world.pair[side]).resourceManager).origin
  const token = await client.token(origin)
  const answer = await client.call(fault === undefined ? 'DELETE' : 'POST', '/_region/faults', {
    ...{ token, body: fault },
  })
  if (answer.status >= 300) throw new Error(`the fault was refused: ${JSON.stringify(answer.body)}`)
}

const cloudOf = (file: string) =>
  JSON.parse(readFileSync(file, 'utf8')) as { readonly resourceManager: string }
