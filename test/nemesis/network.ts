import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Everything that has an address of its own. The driver sits on the bridge and is never cut off. */
export const nodes = {
  east: '10.199.0.11',
  west: '10.199.0.12',
  'control-a': '10.199.0.21',
  'control-b': '10.199.0.22',
  postgres: '10.199.0.31',
  gateway: '10.199.0.41',
  north: '10.199.0.51',
  south: '10.199.0.52',
} as const
export type NodeName = keyof typeof nodes
export const nodeNames = Object.keys(nodes) as NodeName[]

const driverAddress = '10.199.0.1'
/** A station that does not exist: what is sent there vanishes without an error, as in a real network. */
const nowhere = '02:00:00:00:00:01'

/**
 * Namespaces joined by a bridge. The caller has already entered a network, mount and process namespace
 * of its own (`enter.ts`), so all of it is gone when the caller is, killed or not.
 */
export async function buildNetwork(): Promise<void> {
  await run('mount', ['-t', 'tmpfs', 'none', '/run/netns'])
  await ip('link', 'set', 'lo', 'up')
  await ip('link', 'add', 'br0', 'type', 'bridge')
  await ip('link', 'set', 'br0', 'up')
  await ip('addr', 'add', `${driverAddress}/24`, 'dev', 'br0')
  for (const [index, name] of nodeNames.entries()) await addNode(name, `v${index}`)
}

async function addNode(name: NodeName, leg: string): Promise<void> {
  await ip('netns', 'add', name)
  await ip('link', 'add', leg, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
  await ip('link', 'set', leg, 'master', 'br0', 'up')
  await ip('-n', name, 'link', 'set', 'lo', 'up')
  await ip('-n', name, 'link', 'set', 'eth0', 'up')
  await ip('-n', name, 'addr', 'add', `${nodes[name]}/24`, 'dev', 'eth0')
}

/** Packets of `from` no longer arrive at `to`; those of `to` still arrive at `from`. */
export function block(from: NodeName, to: NodeName): Promise<void> {
  return ip(
    ...['-n', from, 'neigh', 'replace', nodes[to], 'lladdr', nowhere],
    ...['dev', 'eth0', 'nud', 'permanent'],
  )
}

/** Nothing this node sends arrives, not even at the driver. */
export async function isolate(node: NodeName): Promise<void> {
  for (const other of nodeNames) if (other !== node) await block(node, other)
  await ip(
    ...['-n', node, 'neigh', 'replace', driverAddress, 'lladdr', nowhere],
    ...['dev', 'eth0', 'nud', 'permanent'],
  )
}

/** A thin, full line: packets wait, and those that do not fit are lost. */
export async function choke(node: NodeName): Promise<void> {
  await run('tc', [
    ...['-n', node, 'qdisc', 'replace', 'dev', 'eth0', 'root', 'tbf'],
    ...['rate', '400kbit', 'burst', '8kb', 'latency', '300ms'],
  ])
}

/** All lines are as they were at the beginning. */
export async function healNetwork(): Promise<void> {
  for (const node of nodeNames) {
    await ip('-n', node, 'neigh', 'flush', 'dev', 'eth0', 'nud', 'permanent')
    // There may be none.
    await run('tc', ['-n', node, 'qdisc', 'del', 'dev', 'eth0', 'root']).catch(() => undefined)
  }
}

async function ip(...args: readonly string[]): Promise<void> {
  await run('ip', args)
}
