import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../simulation/random.ts'
import { block, choke, healNetwork, isolate, type NodeName } from './network.ts'
import type { World } from './world.ts'

export interface Misfortune {
  /** Milliseconds after the round began, and how long it lasts. */
  readonly at: number
  readonly lasts: number
  readonly what: Blow
}

type Blow =
  | { readonly kind: 'kill' | 'freeze' | 'restart' | 'isolate' | 'choke'; readonly node: NodeName }
  | { readonly kind: 'part' | 'deafen'; readonly node: NodeName; readonly other: NodeName }

export function describe({ at, lasts, what }: Misfortune): string {
  const who = 'other' in what ? `${what.node} ${what.other}` : what.node
  return `${what.kind} ${who} at ${at} ms for ${lasts} ms`
}

/** Some blows within the first seconds, all over before the round's eighth. */
export function misfortunesOf(random: Random, nodes: readonly NodeName[]): Misfortune[] {
  const count = 1 + random.below(3)
  return Array.from({ length: count }, () => {
    const at = random.below(5000)
    return { at, lasts: 300 + random.below(Math.max(300, 7500 - at)), what: blowOf(random, nodes) }
  }).sort((one, other) => one.at - other.at)
}

/** Whose line can be cut between whom, so that it means something. */
const lines: readonly (readonly [NodeName, NodeName])[] = [
  ['east', 'west'],
  ['control-a', 'east'],
  ['control-a', 'west'],
  ['control-a', 'postgres'],
  ['control-b', 'postgres'],
  ['control-b', 'east'],
  ['gateway', 'east'],
  ['gateway', 'west'],
  ['control-a', 'gateway'],
  ['north', 'east'],
  ['north', 'control-a'],
  ['south', 'west'],
]

function blowOf(random: Random, nodes: readonly NodeName[]): Blow {
  const kind = random.pick([
    ...['kill', 'kill', 'freeze', 'restart', 'isolate', 'choke', 'part', 'part', 'deafen'],
  ] as Blow['kind'][])
  if (kind === 'part' || kind === 'deafen') {
    const possible = lines.filter((line) => line.every((node) => nodes.includes(node)))
    const [one, two] = random.pick(possible)
    return random.chance(0.5) ? { kind, node: one, other: two } : { kind, node: two, other: one }
  }
  return { kind, node: random.pick(nodes) }
}

/**
 * Strikes, waits, and strikes again; what a blow broke is mended when its time is over. What was killed
 * may need the network to come up, so that does not wait for it.
 */
export async function suffer(
  world: World,
  misfortunes: readonly Misfortune[],
  say: (line: string) => void,
): Promise<void> {
  const started = Date.now()
  const due = (ms: number) => delay(Math.max(0, started + ms - Date.now()))
  const blows = misfortunes.map(async (one) => {
    await due(one.at)
    say(describe(one))
    await strike(world, one.what)
    await due(one.at + one.lasts)
    await mend(world, one.what)
  })
  await due(Math.max(...misfortunes.map(({ at, lasts }) => at + lasts)))
  await healNetwork()
  await Promise.all(blows)
  await heal(world)
}

async function strike(world: World, blow: Blow): Promise<void> {
  const station = world.stations.get(blow.node)
  switch (blow.kind) {
    case 'kill':
      return station?.kill()
    case 'restart':
      return station?.end()
    case 'freeze':
      return station?.freeze()
    case 'isolate':
      return isolate(blow.node)
    case 'choke':
      return choke(blow.node)
    case 'deafen':
      return block(blow.node, blow.other)
    case 'part':
      await block(blow.node, blow.other)
      return block(blow.other, blow.node)
    default:
      return blow satisfies never
  }
}

/** The network is mended once, at the end: lines do not remember who cut them. */
async function mend(world: World, blow: Blow): Promise<void> {
  const station = world.stations.get(blow.node)
  if (blow.kind === 'freeze') station?.thaw()
  if (blow.kind === 'kill' || blow.kind === 'restart') await startAgain(world, blow.node)
}

/** Some need others: a controller ends when its database does not answer, and is started again. */
async function startAgain(world: World, node: NodeName): Promise<void> {
  const station = world.stations.get(node)
  await station?.start().catch(() => undefined)
}

export async function heal(world: World): Promise<void> {
  await healNetwork()
  for (const station of world.stations.values()) station.thaw()
  const until = Date.now() + 60_000
  for (const station of world.stations.values()) {
    while (!station.isUp && Date.now() < until) await startAgain(world, station.node)
  }
}
