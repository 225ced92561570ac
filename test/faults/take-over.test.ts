import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient } from '../../src/api/client.ts'
import { Processes } from '../../src/cli/demo/processes.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/store/embedded-postgres.ts'
import {
  createProtectedPair,
  entry,
  type ProtectedPair,
  type RegionPair,
  startRegionPair,
} from './protected-pair.ts'

type ControllerAddress = Parameters<typeof createClient>[0]

describe('two controllers of one group on one PostgreSQL', () => {
  let folder: string
  let postgres: EmbeddedPostgres
  let pair: RegionPair
  let made: ProtectedPair
  let processes: Processes

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-take-over-'))
    postgres = await startEmbeddedPostgres(join(folder, 'shared'))
    pair = await startRegionPair(folder)
    made = await createProtectedPair(pair, 'shared')
    const env = { ...process.env, HOLDFAST_DATABASE_URL: postgres.url }
    processes = new Processes({ folder, logs: folder, entry, env })
  }, 180_000)

  afterAll(async () => {
    await processes?.stopAll()
    await made?.stopGateway()
    await pair?.processes.stopAll()
    await postgres?.stop()
    rmSync(folder, { recursive: true, force: true })
  }, 120_000)

  /** One folder under two names: both lead the same gateway, and each is a controller of its own. */
  const stateOf = (name: string) => join(folder, name)
  const notes = new Map<string, ControllerAddress>()
  const start = async (name: string) => {
    mkdirSync(made.stateDir, { recursive: true })
    if (!existsSync(stateOf(name))) symlinkSync(made.stateDir, stateOf(name))
    await processes.start(name, [
      ...['controller', '--plan', made.planFile, '--state', stateOf(name)],
      ...['--listen', '127.0.0.1:0', '--sync-every', '1h', '--probe-every', '1s'],
      ...['--exit-with-parent', '--json'],
    ])
    notes.set(name, JSON.parse(readFileSync(join(stateOf(name), 'controller.json'), 'utf8')))
  }
  const clientOf = (name: string) => createClient(notes.get(name) as ControllerAddress)
  const ended = async (name: string, id: string) => {
    await expect
      .poll(async () => (await clientOf(name).operation(id)).outcome, { timeout: 120_000 })
      .not.toBeNull()
    return clientOf(name).operation(id)
  }

  it('the other one completes the failover of one that was killed, and nothing happens twice (I2, I6)', async () => {
    await start('one')
    await start('other')
    const sync = await clientOf('one').start('shared', 'sync')
    expect(await ended('one', sync.id)).toMatchObject({ outcome: 'complete' })
    await pair.processes.cutPower('east')
    const { id } = await clientOf('one').start('shared', 'failover', { force: true })
    // In its midst: the epoch has begun, and the end has not come.
    await expect
      .poll(
        async () => (await clientOf('one').operation(id)).steps.filter((s) => s.status === 'done'),
        { timeout: 60_000, interval: 20 },
      )
      .not.toEqual([])
    await processes.kill('one')
    expect((await clientOf('other').operation(id)).outcome).toBeNull()
    expect(await ended('other', id)).toMatchObject({ outcome: 'complete', error: null })
    const west = await made.openWest()
    try {
      expect(await west.readMarker()).toMatchObject({ role: 'primary', epoch: 2 })
      await expect
        .poll(() => readFileSync(made.starts, 'utf8').match(/^train-.*$/gm) ?? [], {
          timeout: 60_000,
        })
        .toEqual(['train-e2'])
    } finally {
      await west.close()
    }
    // And again nothing, when the one that was killed is there again.
    await start('one')
    expect(await ended('one', id)).toMatchObject({ outcome: 'complete' })
    expect(readFileSync(made.starts, 'utf8').match(/^train-.*$/gm)).toEqual(['train-e2'])
  }, 300_000)
})
