import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createClient } from '../api/client.ts'
import { buildBundle, runCli } from './testing/run-cli.ts'
import { type ScriptedController, startScriptedController } from './testing/scripted-controller.ts'

let dir: string
let controller: ScriptedController

beforeAll(buildBundle, 120_000)
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-audit-cli-'))
  controller = await startScriptedController({ stateDir: join(dir, '.holdfast') })
})
afterEach(async () => {
  await controller.close()
  rmSync(dir, { recursive: true, force: true })
})
const run = (...args: string[]) => runCli(args, { cwd: dir })
const verify = async (...args: string[]) => {
  const { code, stdout } = await run('audit', 'verify', '--json', ...args)
  return { code, ...JSON.parse(stdout) }
}

describe('holdfast audit', () => {
  it('names what was asked for, before it is done, without what a body may hide', async () => {
    expect((await run('pause', '--reason', 'until 04:00')).code).toBe(0)
    const client = createClient(controller)
    await client.acknowledge('fraud')
    await client.setOutage('fraud', 'east', true).catch(() => undefined)
    await client.start('fraud', 'failover', { dryRun: true })
    await client.start('fraud', 'failover', { force: true })
    const { stdout } = await run('audit', '--json')
    const { items } = JSON.parse(stdout)
    expect(items.map((one: { action: string }) => one.action)).toEqual([
      ...['request.pause', 'request.acknowledge', 'request.outage', 'request.failover'],
    ])
    expect(items[0]).toMatchObject({ seq: 1, group: 'fraud', details: { reason: 'until 04:00' } })
    expect(items[2]).toMatchObject({ subject: 'east', details: { down: true } })
    expect(items[3].details).toMatchObject({ force: true })
  })

  it('ends with 8 and names the first entry that does not hold', async () => {
    const { evidence } = controller
    for (const subject of ['a', 'b', 'c', 'd', 'e'])
      await evidence.append({ actor: 'x', group: 'fraud', action: 'y', subject, details: {} })
    expect(await verify()).toMatchObject({ code: 0, entries: 5, headsChecked: 1, broken: null })
    const { head } = await evidence.audit({ limit: 1 })
    const copy = join(dir, 'copy.json')
    writeFileSync(copy, JSON.stringify({ schema: 'a report', auditHead: head }))

    const [cut] = evidence.entries.splice(4)
    expect(await verify('--head', copy)).toMatchObject({
      ...{ code: 8, headsChecked: 2 },
      broken: { seq: 5, code: 'cut-off' },
    })
    if (cut !== undefined) evidence.entries.push(cut)
    evidence.entries.splice(2, 1)
    expect(await verify()).toMatchObject({ code: 8, broken: { seq: 3, code: 'missing' } })
    const people = await run('audit', 'verify')
    expect(people.stdout).toContain('tampered with at entry 3')
  })

  it('prints the key for others', async () => {
    const { stdout } = await run('audit', 'key')
    expect(stdout).toContain('-----BEGIN PUBLIC KEY-----')
    expect(stdout).not.toContain('PRIVATE')
  })
})
