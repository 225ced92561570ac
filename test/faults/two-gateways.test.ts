import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient } from '../../src/api/client.ts'
import { Processes } from '../../src/cli/demo/processes.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/store/embedded-postgres.ts'
import { startGateway } from '../../src/traffic/gateway/start-gateway.ts'
import {
  createProtectedPair,
  entry,
  freePort,
  type ProtectedPair,
  type RegionPair,
  startRegionPair,
} from './protected-pair.ts'

type ControllerAddress = Parameters<typeof createClient>[0]
const patience = { timeout: 120_000, interval: 50 }

/** Two machines: each has a controller, its state directory, its plan, a gateway and a config.json. */
describe('two controllers on one PostgreSQL with a gateway beside each', () => {
  let folder: string
  let postgres: EmbeddedPostgres
  let pair: RegionPair
  let made: ProtectedPair
  let processes: Processes
  const machines = new Map<string, { planFile: string; stateDir: string; config: string }>()
  const gateways: Awaited<ReturnType<typeof startGateway>>[] = []
  const gate = () => join(folder, 'gate-is-open')

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-two-gateways-'))
    postgres = await startEmbeddedPostgres(join(folder, 'shared'))
    pair = await startRegionPair(folder)
    made = await createProtectedPair(pair, 'shared')
    const env = { ...process.env, HOLDFAST_DATABASE_URL: postgres.url }
    processes = new Processes({ folder, logs: folder, entry, env })
    for (const name of ['one', 'other']) await addMachine(name)
  }, 180_000)

  afterAll(async () => {
    await processes?.stopAll()
    for (const each of gateways) await each.stop()
    await made?.stopGateway()
    await pair?.processes.stopAll()
    await postgres?.stop()
    rmSync(folder, { recursive: true, force: true })
  }, 120_000)

  async function addMachine(name: string): Promise<void> {
    const home = join(folder, name)
    const stateDir = join(home, 'state')
    mkdirSync(stateDir, { recursive: true })
    const planFile = join(home, 'continuity.yaml')
    const listen = `127.0.0.1:${await freePort()}`
    const held = `while [ ! -e ${gate()} ]; do sleep 0.1; done`
    const plan = readFileSync(made.planFile, 'utf8').replace(/127\.0\.0\.1:\d+/, listen)
    writeFileSync(
      planFile,
      `${plan}
runbooks:
  switchover:
    - { before: switch-traffic, id: gate, command: [sh, -c, ${JSON.stringify(held)}] }
`,
    )
    const pointerFile = join(stateDir, 'gateway-scoring.json')
    gateways.push(await startGateway({ name: 'scoring', listen, pointerFile }))
    machines.set(name, { planFile, stateDir, config: join(home, 'config.json') })
    await start(name)
  }

  const machine = (name: string) => {
    const found = machines.get(name)
    if (found === undefined) throw new Error(`no machine ${name}`)
    return found
  }
  const start = (name: string) =>
    processes.start(name, [
      ...['controller', '--plan', machine(name).planFile, '--state', machine(name).stateDir],
      ...['--listen', '127.0.0.1:0', '--sync-every', '1h', '--probe-every', '1s'],
      ...['--exit-with-parent', '--json'],
    ])
  const clientOf = (name: string) =>
    createClient(
      JSON.parse(
        readFileSync(join(machine(name).stateDir, 'controller.json'), 'utf8'),
      ) as ControllerAddress,
    )
  /** What clients beside a machine are led by: the answer of its gateway, and its config.json. */
  const led = async (name: string) => {
    const gateway = gateways[[...machines.keys()].indexOf(name)]
    const answer = await fetch(`${gateway?.origin}/_gateway/status`)
    const { active, epoch } = (await answer.json()) as { active?: string; epoch?: number }
    const { workspace_name } = JSON.parse(readFileSync(machine(name).config, 'utf8'))
    return [active, epoch, workspace_name]
  }
  const isLed = (name: string, member: string, epoch: number) =>
    expect
      .poll(() => led(name).catch(String), patience)
      .toEqual([member, epoch, `shared-${member}`])
  const stepOf = async (name: string, id: string, step: string) =>
    (await clientOf(name).operation(id)).steps.find((each) => each.id === step)?.status
  const ended = async (name: string, id: string) => {
    await expect
      .poll(async () => (await clientOf(name).operation(id)).endedAt, patience)
      .toBeTruthy()
    expect(await clientOf(name).operation(id)).toMatchObject({ outcome: 'complete' })
  }

  it('a switch led by one moves both, neither before the other side is ready (I1)', async () => {
    const sync = await clientOf('one').start('shared', 'sync')
    await ended('one', sync.id)
    for (const name of ['one', 'other']) await isLed(name, 'east', 1)
    const { id } = await clientOf('one').start('shared', 'switchover')
    await expect.poll(() => stepOf('one', id, 'gate'), patience).toBe('running')
    expect((await clientOf('other').status()).groups[0]).toMatchObject({ epoch: 2 })
    for (const name of ['one', 'other']) await isLed(name, 'east', 1)
    writeFileSync(gate(), '')
    for (const name of ['other', 'one']) await isLed(name, 'west', 2)
    await ended('other', id)
    rmSync(gate())
  }, 300_000)

  it('when the one that leads is killed the other finishes, and the first follows when it is back (I2)', async () => {
    const { id } = await clientOf('one').start('shared', 'switchover')
    await expect.poll(() => stepOf('one', id, 'gate'), patience).toBe('running')
    await processes.kill('one')
    writeFileSync(gate(), '')
    await ended('other', id)
    await isLed('other', 'east', 3)
    // Nobody is there who could tell it.
    expect(await led('one')).toEqual(['west', 2, 'shared-west'])
    await start('one')
    await isLed('one', 'east', 3)
  }, 300_000)
})
