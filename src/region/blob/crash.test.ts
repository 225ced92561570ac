import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { ContainerClient } from '@azure/storage-blob'
import { afterEach, describe, expect, it } from 'vitest'
import { openDatabase } from '../store/database.ts'
import { openBlobEngine } from './blob-engine.ts'
import { type BlobAccount, clientOf } from './testing/blob-contract.ts'
import { steeredPolicies } from './testing/steered-policies.ts'

const dirs: string[] = []
afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true })
})

/** Content follows from the name, so that the survivors can be checked without a list. */
const contentOf = (name: string): Buffer => {
  const seed = createHash('sha256').update(name).digest()
  return Buffer.concat(Array.from({ length: 1 + (seed[0] ?? 0) * 8 }, () => seed))
}

async function startChild(dataDir: string, kept: string) {
  const script = join(import.meta.dirname, 'testing', 'blob-server-process.ts')
  const child = spawn(process.execPath, ['--import', 'tsx', script, dataDir, kept], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line = '{}'] = await new Promise<string[]>((resolve, reject) => {
    createInterface(child.stdout).once('line', (text) => resolve([text]))
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)))
  })
  const account: BlobAccount = JSON.parse(line)
  const kill = () =>
    new Promise<void>((resolve) => {
      child.removeAllListeners('exit')
      child.once('exit', () => resolve())
      child.kill('SIGKILL')
    })
  return { account, kill }
}

/** Puts until the server is gone; counts what was acknowledged. */
async function writer(
  container: ContainerClient,
  worker: number,
  acknowledged: Set<string>,
  versions: Map<string, number>,
): Promise<void> {
  const counter = `counter-${worker}`
  try {
    for (let n = 0; ; n++) {
      const name = `w${worker}/${n}`
      const bytes = contentOf(name)
      const client = container.getBlockBlobClient(name)
      if (n % 3 === 0) await client.uploadData(bytes, { maxSingleShotSize: 1, blockSize: 4096 })
      else await client.upload(bytes, bytes.length)
      acknowledged.add(name)
      await container.getBlockBlobClient(counter).upload(String(n), String(n).length)
      versions.set(counter, n)
    }
  } catch {
    // The server was killed: what the last request did is unknown, and nobody claims it.
    return
  }
}

describe('the Blob service', () => {
  it.each(['nothing', 'versions'])(
    'that keeps %s has every acknowledged blob, whole, after kill -9',
    async (kept) => {
      const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-blob-crash-'))
      dirs.push(dataDir)
      const { account, kill } = await startChild(dataDir, kept)
      const container = clientOf(account).getContainerClient('crash')
      await container.create()
      const acknowledged = new Set<string>()
      const versions = new Map<string, number>()
      const writers = [0, 1, 2, 3].map((n) => writer(container, n, acknowledged, versions))
      await until(() => acknowledged.size >= 60)
      await kill()
      await Promise.all(writers)

      const db = openDatabase(dataDir)
      const engine = openBlobEngine({
        db,
        dataDir,
        clock: () => new Date(),
        storageOrigin: () => '',
        policies: steeredPolicies(),
      })
      const read = async (name: string): Promise<Buffer> => {
        const chunks: Uint8Array[] = []
        const found = engine.open('crashing', 'crash', name)
        for await (const chunk of found?.content ?? []) chunks.push(chunk)
        return Buffer.concat(chunks)
      }
      const present = engine.list('crashing', 'crash').map((blob) => blob.name)
      const whole = present.filter((name) => name.startsWith('w'))
      expect([...acknowledged].filter((name) => !present.includes(name))).toEqual([])
      for (const name of whole) expect((await read(name)).equals(contentOf(name)), name).toBe(true)
      for (const [name, n] of versions) {
        expect(Number(await read(name)), name).toBeGreaterThanOrEqual(n)
        if (kept !== 'versions') continue
        const key = { account: 'crashing', container: 'crash', name }
        expect(engine.store.past.of(key, Date.now()).length, name).toBeGreaterThanOrEqual(n)
      }

      // Start-up removed what no row names.
      const referenced = engine.store.tables.allFiles()
      expect(new Set(contentFiles(dataDir))).toEqual(referenced)
      db.close()
    },
  )
})

function contentFiles(dataDir: string): string[] {
  const root = join(dataDir, 'blobs')
  return readdirSync(root).flatMap((shard) => readdirSync(join(root, shard)))
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}
