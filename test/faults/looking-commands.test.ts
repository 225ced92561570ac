import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient } from '../../src/api/client.ts'
import type { Status } from '../../src/api/contract.ts'
import { Processes } from '../../src/cli/demo/processes.ts'
import { protect } from './kill-controller.ts'
import { entry, type ProtectedPair, type RegionPair, startRegionPair } from './protected-pair.ts'

/** What a killed controller left under way, met by commands that open one of their own. */
describe('a failover whose controller was killed, and commands that only look', () => {
  let folder: string
  let pair: RegionPair
  let group: ProtectedPair
  let processes: Processes
  const gate = () => join(folder, 'gate')

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-look-'))
    pair = await startRegionPair(folder)
    group = await protect(pair, 'looked-at')
    const hold = `while [ ! -e ${gate()} ]; do sleep 0.1; done`
    const step = `{ before: switch-traffic, id: hold, command: [sh, -c, ${JSON.stringify(hold)}], timeout: 10m }`
    const plan = readFileSync(group.planFile, 'utf8')
    writeFileSync(group.planFile, `${plan}\nrunbooks:\n  failover:\n    - ${step}\n`)
    processes = new Processes({ folder, logs: folder, entry, env: process.env })
    await pair.processes.cutPower('east')
  }, 180_000)

  afterAll(async () => {
    writeFileSync(gate(), '')
    await processes?.stopAll()
    await group?.stopGateway()
    await pair?.processes.stopAll()
    rmSync(folder, { recursive: true, force: true })
  }, 120_000)

  const place = () => ['--plan', group.planFile, '--state', group.stateDir]
  const run = (...words: string[]) => processes.run([...words, ...place()])
  const json = async <T>(...words: string[]): Promise<T> => {
    const { code, stdout, stderr } = await run(...words, '--json')
    expect(code, stderr).toBe(0)
    return JSON.parse(stdout) as T
  }
  const groupNow = async () => {
    const [found] = (await json<Status>('status')).groups
    if (found === undefined) throw new Error('no group')
    return found
  }
  const noted = async (): Promise<string[]> => {
    const { items } = await json<{ items: { seq: number; action: string; subject: string }[] }>(
      'audit',
    )
    return items
      .filter(({ action, subject }) => /^operation\./.test(action) && /^failover-/.test(subject))
      .sort((a, b) => a.seq - b.seq)
      .map(({ action }) => action)
  }

  it('are told that nobody performs it, and leave it where it is (I8)', async () => {
    await processes.start('controller', [
      ...['controller', ...place(), '--listen', '127.0.0.1:0', '--sync-every', '1h'],
      ...['--probe-every', '1s', '--exit-with-parent', '--json'],
    ])
    const api = createClient(JSON.parse(readFileSync(`${group.stateDir}/controller.json`, 'utf8')))
    const { id } = await api.start(group.name, 'failover')
    const held = async () => (await api.operation(id)).steps.find((each) => each.id === 'hold')
    await expect.poll(async () => (await held())?.status, { timeout: 60_000 }).toBe('running')
    await processes.kill('controller')
    writeFileSync(gate(), '')

    const before = await groupNow()
    expect(before.operation).toMatchObject({ id, status: 'running', outcome: null })
    expect(before.controller).toMatchObject({ running: false, performing: 'nobody' })
    expect(Date.parse(before.controller?.lastSeenAt ?? '')).toBeLessThan(Date.now())
    for (const words of [['status'], ['jobs'], ['history'], ['objects'], ['conflicts']]) {
      expect((await run(...words)).code, words.join(' ')).toBe(0)
    }
    const { stdout } = await run('status')
    expect(stdout).toMatch(
      /controller\s+none is running: nobody copies, probes or decides; the last sign of one was/,
    )
    expect(stdout).toContain('no controller is running: start it with `holdfast controller`')
    const refused = await run('abort', id, '--reason', 'wrong', '--yes')
    expect([refused.code, refused.stderr]).toEqual([
      4,
      expect.stringContaining('operation.past-no-return'),
    ])
    const busy = await run('reprotect', '--yes')
    expect([busy.code, busy.stderr]).toEqual([6, expect.stringContaining(`holdfast retry ${id}`)])
    expect((await groupNow()).operation?.steps).toEqual(before.operation?.steps)
    expect(await noted()).toEqual(['operation.accepted', 'operation.begun'])
  }, 180_000)

  it('the failover asked for again, by two at once, goes on with it, once (I2)', async () => {
    const both = await Promise.all([run('failover', '--yes'), run('failover', '--yes')])
    // One that came when everything was over was refused: there is nowhere to move to.
    expect(both.map(({ code }) => code)).toContain(0)
    for (const { stderr } of both) expect(stderr).not.toMatch(/already-running|\bkill\b/)
    expect(await noted()).toEqual([
      ...['operation.accepted', 'operation.begun', 'operation.resumed', 'operation.finished'],
    ])
    expect(await groupNow()).toMatchObject({
      ...{ epoch: 2, effectivePrimary: 'west' },
      controller: { running: false, performing: null },
    })
  }, 180_000)
})
