import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { isAbsolute, join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import Database from 'libsql'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RegionError } from './region-error.ts'
import { startRegion } from './start-region.ts'
import { regionClient, startTestRegion } from './testing/test-region.ts'

let dir: string
const children: ChildProcess[] = []
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-start-'))
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(dir, { recursive: true, force: true })
})

const deep = { recursive: true } as const
function writeUnder(folder: string, name: string, text: string): void {
  mkdirSync(folder, deep)
  writeFileSync(join(folder, name), text)
}

const refusal = async (starting: Promise<unknown>): Promise<RegionError> => {
  const outcome = await starting.then(
    () => undefined,
    (error: unknown) => error,
  )
  return outcome as RegionError
}

describe('starting a region', () => {
  it('writes files only their owner can read', async () => {
    const { region, stop } = await startTestRegion({ dataDir: dir })
    for (const file of [region.cloudFile, join(dir, 'authority/client-secret')])
      expect(statSync(file).mode & 0o777).toBe(0o600)
    await stop()
  })

  it('is known by another address that it listens on', async () => {
    // Linux has all of 127.0.0.0/8; elsewhere ::1 is the other loopback address.
    const host = process.platform === 'linux' ? '127.0.0.2' : '::1'
    const { region, call, stop } = await startTestRegion({ dataDir: dir, host })
    for (const origin of [region.origin, region.storageOrigin])
      expect(origin).toContain(process.platform === 'linux' ? '//127.0.0.2:' : '//[::1]:')
    expect((await call('GET', '/subscriptions')).status).toBe(200)
    await stop()
  })

  it('keeps its addresses and honours its tokens after a restart', async () => {
    const first = await startTestRegion({ dataDir: dir })
    const token = await first.token('https://management.azure.com')
    await first.stop()
    const second = await startTestRegion({ dataDir: dir })
    expect(second.region.origin).toBe(first.region.origin)
    expect(second.region.storageOrigin).toBe(first.region.storageOrigin)
    expect((await second.call('GET', '/subscriptions', { token })).status).toBe(200)
    await second.stop()
  })

  it('refuses a data directory in use, or of another region', async () => {
    const { stop } = await startTestRegion({ dataDir: dir })
    const second = await refusal(startRegion({ name: 'eastus', dataDir: dir }))
    expect(second).toMatchObject({
      code: 'region.data-dir-in-use',
      message: expect.stringContaining(dir),
    })
    await stop()
    const other = await refusal(startRegion({ name: 'westus', dataDir: dir }))
    expect(other).toMatchObject({
      code: 'region.name-differs',
      hint: expect.stringContaining('eastus'),
    })
  })

  const spoilt: readonly [string, (data: string) => void][] = [
    ['a file instead of a folder', (data) => writeFileSync(data, '')],
    ['a database that is none', (data) => writeUnder(data, 'region.db', 'x'.repeat(200))],
    ['a file instead of a folder in it', (data) => writeUnder(data, 'blobs', '')],
    ['a lock that cannot be opened', (data) => mkdirSync(join(data, 'region.lock', 'x'), deep)],
  ]
  it.each(spoilt)(
    'refuses a data directory with %s, and says what is wrong',
    async (_what, spoil) => {
      const data = join(dir, 'data')
      spoil(data)
      const error = await refusal(startRegion({ name: 'eastus', dataDir: data }))
      expect(error).toMatchObject({
        code: 'region.data-dir-unusable',
        message: expect.stringContaining(data),
      })
    },
  )

  it('does not wait for a database that another program holds', async () => {
    const { stop } = await startTestRegion({ dataDir: dir })
    await stop()
    const holder = new Database(join(dir, 'region.db'))
    holder.exec('BEGIN EXCLUSIVE')
    try {
      const error = await refusal(startRegion({ name: 'eastus', dataDir: dir }))
      expect(error).toMatchObject({ code: 'region.data-dir-unusable' })
    } finally {
      holder.close()
    }
  }, 60_000)

  it('returns where a file system takes no folders, and Node would try for ever', async () => {
    if (process.platform !== 'linux') {
      process.stderr.write('\nSKIPPED: A FOLDER BELOW /proc: THIS IS NOT LINUX\n\n')
      return
    }
    const error = await refusal(startRegion({ name: 'eastus', dataDir: '/proc/none/here' }))
    expect(error).toMatchObject({ code: 'region.data-dir-unusable' })
  })

  it('refuses a port in use, and leaves nothing behind', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as { port: number }
    const error = await refusal(startRegion({ name: 'eastus', dataDir: dir, port, storagePort: 0 }))
    expect(error).toMatchObject({
      code: 'region.port-in-use',
      message: expect.stringContaining(String(port)),
      hint: expect.stringContaining('--port'),
    })
    const storage = startRegion({ name: 'eastus', dataDir: dir, port: 0, storagePort: port })
    expect(await refusal(storage)).toMatchObject({ code: 'region.port-in-use' })
    holder.close()
    const { stop } = await startTestRegion({ dataDir: dir })
    await stop()
  })

  it('lets regions that share a CA trust each other', async () => {
    const caDir = join(dir, 'ca')
    const [east, west] = await Promise.all([
      startTestRegion({ dataDir: join(dir, 'east'), caDir }),
      startTestRegion({ dataDir: join(dir, 'west'), name: 'westus', caDir }),
    ])
    const answer = await east.call('GET', `${west.region.origin}/discovery`, { token: null })
    expect(answer.body).toMatchObject({ api: west.region.origin })
    await Promise.all([east.stop(), west.stop()])
  })

  it('tells jobs where the CA lies by an absolute path', async () => {
    const caDir = relative(process.cwd(), join(dir, 'ca'))
    const { region, stop } = await startTestRegion({ dataDir: join(dir, 'east'), caDir })
    expect(isAbsolute(region.caPath)).toBe(true)
    await stop()
  })
})

describe('kill -9', () => {
  const start = async (): Promise<{ child: ChildProcess; cloudFile: string }> => {
    const main = join(import.meta.dirname, 'main.ts')
    const args = ['--import', 'tsx', main, '--name', 'eastus', '--data', dir]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    children.push(child)
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
    return { child, ...(JSON.parse(line) as { cloudFile: string }) }
  }

  it('loses nothing that was acknowledged', async () => {
    const first = await start()
    const client = regionClient(first.cloudFile)
    const scope = '/subscriptions/s/resourceGroups/rg/providers/Microsoft.Future/things'
    const acknowledged: string[] = []
    const gone = once(first.child, 'exit')
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let i = 0; ; i++) {
        const name = `w${writer}-${i}`
        const answer = await client.call('PUT', `${scope}/${name}`, { body: { i } })
        if (answer.status === 201) acknowledged.push(name)
        // Killed in the middle of the writing, not after it.
        if (acknowledged.length === 200) first.child.kill('SIGKILL')
      }
    })
    await Promise.allSettled(writers)
    await gone
    await client.close()
    expect(acknowledged.length).toBeGreaterThanOrEqual(200)

    const second = await start()
    const again = regionClient(second.cloudFile)
    const found = new Set<string>()
    let next: string | undefined = scope
    while (next !== undefined) {
      const { body } = await again.call('GET', next)
      const page = body as { value: { name: string }[]; nextLink?: string }
      for (const { name } of page.value) found.add(name)
      next = page.nextLink
    }
    expect(acknowledged.filter((name) => !found.has(name))).toEqual([])
    await again.close()
    const ended = once(second.child, 'exit')
    second.child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  })
})
