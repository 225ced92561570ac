import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { BlobTables } from '../../src/region/blob/blob-tables.ts'
import { openDatabase } from '../../src/region/store/database.ts'
import { type RegionProcess, startRegionProcess } from '../../src/region/testing/region-process.ts'
import { type RegionClient, regionClient, settled } from '../../src/region/testing/test-region.ts'
import { images, signInToRegistry } from './written-images.ts'
import {
  container,
  makeShare,
  subscription,
  type Target,
  type WrittenKind,
  workspaceId,
  writtenKinds,
} from './written-kinds.ts'

export interface Plan {
  readonly dataDir: string
  readonly rounds: number
  /** Writes of a round; the region is killed at a random one of them. */
  readonly writes: number
  readonly writers: number
  /** 0 inclusive to 1 exclusive. */
  readonly random: () => number
  readonly note: (line: string) => void
}

export interface Outcome {
  readonly kills: number
  readonly acknowledged: number
  /** Under way when the region was killed: either outcome is right, half of one is not. */
  readonly inDoubt: number
  readonly inDoubtKept: number
  readonly objects: number
  /** The slowest start after a kill. */
  readonly slowestStartMs: number
  /** What was lost or half-written, one sentence each; empty when the promise holds. */
  readonly broken: readonly string[]
}

/** One object and what it may look like: the last acknowledged state, or the one in doubt. */
interface Written {
  readonly kind: WrittenKind
  readonly key: string
  acknowledged: number
  inDoubt: number | undefined
}

interface Connection {
  readonly region: RegionProcess
  readonly client: RegionClient
  readonly target: Target
}

/** Requests under way at once while objects are looked at. */
const readers = 16

/** Each writer goes round these many objects of each kind. */
const objectsPerKind = 3

/**
 * Writes, kills the region with SIGKILL in the middle, starts it again and looks at every object:
 * no acknowledged write is lost, no half-written object visible (design D2).
 */
export async function killRounds(plan: Plan): Promise<Outcome> {
  const all: Written[] = []
  const broken: string[] = []
  const totals = { kills: 0, acknowledged: 0, inDoubt: 0, inDoubtKept: 0, slowestStartMs: 0 }
  let connection = await connect(plan.dataDir)
  try {
    for (let round = 0; round < plan.rounds; round++) {
      const killAt = 1 + Math.floor(plan.random() * plan.writes)
      const written = await writeUntilKilled(plan, round, killAt, connection)
      await connection.client.close()
      connection = await connect(plan.dataDir)
      const doubtful = written.filter(({ inDoubt }) => inDoubt !== undefined).length
      const kept = await verify(written, connection.target, broken)
      all.push(...written)
      totals.kills += 1
      totals.acknowledged += written.reduce((sum, one) => sum + one.acknowledged, 0)
      totals.inDoubt += doubtful
      totals.inDoubtKept += kept
      totals.slowestStartMs = Math.max(totals.slowestStartMs, connection.region.startMs)
      plan.note(
        `round ${round + 1}: killed after ${killAt} acknowledged writes, ${doubtful} in doubt (${kept} kept), ${broken.length} broken`,
      )
    }
    plan.note(`looking at all ${all.length} objects once more`)
    await verify(all, connection.target, broken)
  } finally {
    await connection.client.close()
    await connection.region.stop()
  }
  broken.push(...filesAndRows(plan.dataDir))
  return { ...totals, objects: all.length, broken: [...new Set(broken)] }
}

async function connect(dataDir: string): Promise<Connection> {
  const region = await startRegionProcess(dataDir)
  const client = regionClient(region.cloudFile)
  const { call } = client
  const body = { location: 'eastus', properties: {} }
  await settled(call, await call('PUT', `${workspaceId}?api-version=2025-12-01`, { body }))
  const { properties } = (await call('GET', workspaceId)).body as {
    properties: { storageAccount: string; keyVault: string }
  }
  const last = (id: string) => id.slice(id.lastIndexOf('/') + 1)
  const account = last(properties.storageAccount)
  const stores = `${subscription}/Microsoft.Storage/storageAccounts/${account}`
  const { primaryEndpoints } = (
    (await call('GET', stores)).body as { properties: { primaryEndpoints: { blob: string } } }
  ).properties
  const storageOrigin = new URL(primaryEndpoints.blob).origin
  const storageToken = await client.token('https://storage.azure.com')
  await call('PUT', `${storageOrigin}/${account}/${container}?restype=container`, {
    token: storageToken,
    headers: { 'x-ms-version': '2025-01-05' },
  })
  const vaultToken = await client.token('https://vault.azure.net')
  const vault = last(properties.keyVault)
  const registryUser = await signInToRegistry(call)
  const target = { call, storageOrigin, account, storageToken, vaultToken, vault, registryUser }
  await makeShare(target)
  return { region, client, target }
}

async function writeUntilKilled(
  { writers }: Plan,
  round: number,
  killAt: number,
  { region, target }: Connection,
): Promise<Written[]> {
  const written: Written[] = []
  let acknowledged = 0
  let killed: Promise<void> | undefined
  const writer = async (w: number) => {
    const objects = [...writtenKinds, images].flatMap((kind, k) =>
      Array.from({ length: objectsPerKind }, (_, i): Written => {
        const key = `r${round}-w${w}-k${k}-${i}`
        return { kind, key, acknowledged: 0, inDoubt: undefined }
      }),
    )
    written.push(...objects)
    for (let i = 0; killed === undefined; i++) {
      // Writers begin at different kinds, so that every kind is under way at any instant.
      const object = objects[(i + w * 7) % objects.length] as Written
      object.inDoubt = object.acknowledged + 1
      try {
        await object.kind.write(target, object.key, object.inDoubt)
      } catch (error) {
        if (killed === undefined) throw new Error(`${object.key}: a write failed`, { cause: error })
        return
      }
      object.acknowledged = object.inDoubt
      object.inDoubt = undefined
      acknowledged += 1
      if (acknowledged === killAt) killed = region.kill()
    }
  }
  await Promise.all(Array.from({ length: writers }, (_, w) => writer(w)))
  await killed
  return written
}

/** Compares each object with what it may be; returns how many writes in doubt were kept. */
async function verify(
  written: readonly Written[],
  target: Target,
  broken: string[],
): Promise<number> {
  let kept = 0
  const look = async ({ kind, key, acknowledged, inDoubt }: Written) => {
    const shown = kind.shown ?? ((n: number) => n)
    try {
      const state = await kind.read(target, key)
      if (inDoubt !== undefined && state === shown(inDoubt)) kept += 1
      else if (state !== shown(acknowledged))
        broken.push(`${kind.name} ${key}: state ${state} after ${acknowledged} acknowledged writes`)
    } catch (error) {
      broken.push(`${kind.name} ${key}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const open = written.values()
  const reader = async () => {
    for (const one of open) await look(one)
  }
  await Promise.all(Array.from({ length: readers }, reader))
  return kept
}

/** The database is sound, and content files and rows name each other. */
function filesAndRows(dataDir: string): string[] {
  const db = openDatabase(dataDir)
  try {
    const [check] = db.pragma('integrity_check') as Array<{ integrity_check: string }>
    const named = new BlobTables(db).allFiles()
    const root = join(dataDir, 'blobs')
    const present = new Set(readdirSync(root).flatMap((shard) => readdirSync(join(root, shard))))
    const missing = [...named].filter((file) => !present.has(file)).length
    const spare = [...present].filter((file) => !named.has(file)).length
    return [
      ...(check?.integrity_check === 'ok' ? [] : [`database: ${check?.integrity_check}`]),
      ...(missing > 0 ? [`${missing} content files are missing`] : []),
      ...(spare > 0 ? [`${spare} content files have no row`] : []),
    ]
  } finally {
    db.close()
  }
}
