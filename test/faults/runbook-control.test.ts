import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient } from '../../src/api/client.ts'
import type { Operation } from '../../src/api/contract.ts'
import { Processes } from '../../src/cli/demo/processes.ts'
import type { Report } from '../../src/runbooks/report.ts'
import { collect } from '../../src/workspace/pages.ts'
import { protect } from './kill-controller.ts'
import { entry, type ProtectedPair, type RegionPair, startRegionPair } from './protected-pair.ts'

/** Several people, their own steps and a controller that dies, through the real CLI on real regions. */
describe('a group whose moves are for several people, on real regions', () => {
  let folder: string
  let pair: RegionPair
  let group: ProtectedPair
  let processes: Processes
  let desk: Server
  const keys: (string | undefined)[] = []
  const tokens: Record<string, string> = {}
  const ran = () => join(folder, 'ran.txt')
  const note = () =>
    JSON.parse(readFileSync(join(group.stateDir, 'controller.json'), 'utf8')) as {
      readonly url: string
      readonly token: string
    }
  const api = () => createClient(note())

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-control-'))
    desk = createServer((request, response) => {
      keys.push(request.headers['idempotency-key'] as string | undefined)
      request.resume()
      response.end()
    })
    await new Promise<void>((resolve) => desk.listen(0, '127.0.0.1', resolve))
    pair = await startRegionPair(folder)
    group = await protect(pair, 'people')
    writeFileSync(ran(), '')
    addSteps((desk.address() as AddressInfo).port)
    processes = new Processes({ folder, logs: folder, entry, env: process.env })
    await startController()
    for (const [name, role] of [
      ...[['asker', 'operator'] as const, ['ann', 'operator'] as const],
      ...[['ben', 'operator'] as const, ['vic', 'viewer'] as const],
    ]) {
      const made = await local('token', 'create', '--name', name, '--role', role, '--json')
      tokens[name] = JSON.parse(made.stdout).token
    }
  }, 180_000)

  afterAll(async () => {
    await processes?.stopAll()
    await group?.stopGateway()
    await pair?.processes.stopAll()
    desk?.close()
    rmSync(folder, { recursive: true, force: true })
  }, 120_000)

  function addSteps(port: number): void {
    const plan = readFileSync(group.planFile, 'utf8')
    const approval = '{ people: 2, role: operator, expires: 30m, for: [failover] }'
    const note = `printf "%s\\n" "$HOLDFAST_IDEMPOTENCY_KEY" >> ${ran()}`
    writeFileSync(
      group.planFile,
      `${plan.replace('decide: {', `decide: { approval: ${approval},`)}
runbooks:
  failover:
    - { before: raise-epoch, id: tell-desk, http: { url: "http://127.0.0.1:${port}/freeze" } }
    - { before: raise-epoch, id: desk, wait: Confirm with the desk }
    - { before: switch-traffic, id: gate, command: [sh, -c, ${JSON.stringify(note)}] }
    - { before: write-report, id: broken, command: [sh, -c, "echo no such desk; exit 3"] }
  switchover:
    - { before: raise-epoch, id: hold, wait: Hold }
`,
    )
  }

  const startController = () =>
    processes.start('controller', [
      ...['controller', '--plan', group.planFile, '--state', group.stateDir],
      ...['--listen', '127.0.0.1:0', '--sync-every', '1h', '--probe-every', '1s'],
      ...['--exit-with-parent', '--json'],
    ])
  const local = async (...words: string[]) => {
    const [command = '', ...more] = words
    const below = command === 'token' ? [more.shift() ?? ''] : []
    const place = ['--plan', group.planFile, '--state', group.stateDir]
    const ended = await processes.run([command, ...below, ...place, ...more])
    expect(ended.code, ended.stderr).toBe(0)
    return ended
  }
  /** As somebody who has nothing but a token and the address. */
  const as = async (who: string, ...words: string[]) => {
    const args = [...words, '--json', '--server', note().url, '--state', join(folder, who)]
    const env = { HOLDFAST_TOKEN: tokens[who] }
    const ended = await processes.runProgram([process.execPath, entry, ...args], env)
    return { ...ended, document: JSON.parse(ended.stdout) }
  }
  const until = async (id: string, expected: Partial<Operation>) => {
    await expect.poll(() => api().operation(id), { timeout: 60_000 }).toMatchObject(expected)
    return api().operation(id)
  }

  it('takes a switchover back before its epoch begins: what was stopped runs again, schedules are on', async () => {
    const enabled = async () => {
      const east = await group.openEast()
      try {
        const found = await collect((page) => east.listObjects('schedule', page))
        return found.map(
          ({ body }) => (body.properties as { readonly isEnabled?: boolean }).isEnabled === true,
        )
      } finally {
        await east.close()
      }
    }
    const before = await enabled()
    expect(before).toContain(true)
    const asked = await as('asker', 'switchover', '--yes')
    expect([asked.code, asked.document.operation.status]).toEqual([4, 'waiting'])
    expect(await enabled()).not.toContain(true)
    const { id } = asked.document.operation
    const aborted = await as('ann', 'abort', id, '--yes', '--reason', 'wrong weekend')
    expect([aborted.code, aborted.document.operation.outcome]).toEqual([130, 'aborted'])
    expect(await enabled()).toEqual(before)
    const [status] = (await api().status()).groups
    expect(status).toMatchObject({
      ...{ epoch: 1, effectivePrimary: 'east', operation: { id, outcome: 'aborted' } },
    })
    const quiesced = status?.operation?.steps.find((step) => step.id === 'quiesce-source')
    expect(quiesced).toMatchObject({ status: 'undone' })
    expect(quiesced?.detail).toMatch(/train runs again as train-e1-r1 from checkpoints\/train\//)
    const jobs = (await api().jobs('people')).items
    expect(jobs.find(({ job }) => job === 'train')).toMatchObject({
      ...{ decision: 'resubmit', resubmittedAs: 'train-e1-r1', epoch: 1 },
      now: { member: 'east', job: 'train-e1-r1' },
    })
  }, 120_000)

  it('moves when two others agreed, over the death of its controller, and each step acts once', async () => {
    const asked = await as('asker', 'failover', '--yes', '--force')
    expect([asked.code, asked.document.operation.status]).toEqual([4, 'waiting'])
    const { id } = asked.document.operation
    expect(asked.document.operation.expected).toMatchObject({ waits: true })
    const refused = async (who: string, code: string) => {
      const answer = await as(who, 'approve', id, '--yes')
      expect([answer.code, answer.document.error.code]).toEqual([4, code])
    }
    await refused('asker', 'approval.not-counted')
    await refused('vic', 'request.forbidden')
    expect((await as('ann', 'approve', id, '--yes')).code).toBe(0)
    await refused('ann', 'approval.not-counted')
    await processes.kill('controller')
    await startController()
    const waiting = await until(id, { status: 'waiting' })
    expect(waiting.waiting).toMatchObject({ step: 'approval', approvals: [{ by: 'ann' }] })
    expect(keys).toEqual([])
    expect((await as('ben', 'approve', id, '--yes', '--reason', 'seen')).code).toBe(0)
    await until(id, { status: 'waiting', waiting: expect.objectContaining({ step: 'desk' }) })
    await processes.kill('controller')
    await startController()
    await until(id, { status: 'waiting' })
    expect((await as('ann', 'approve', id, '--yes')).code).toBe(0)
    await until(id, {
      status: 'failed',
      error: expect.objectContaining({ code: 'step.command-failed' }),
    })

    const why = 'the desk has moved'
    expect((await as('ben', 'skip', id, 'broken', '--yes', '--reason', why)).code).toBe(0)
    const ended = await as('ann', 'retry', id, '--yes')
    expect([ended.code, ended.document.operation.outcome]).toEqual([3, 'partial'])
    expect(keys).toEqual([`${id}/tell-desk`])
    expect(readFileSync(ran(), 'utf8')).toBe(`${id}/gate\n`)

    const report = JSON.parse(await api().report(id, 'json')) as Report
    const acts = report.people?.map(({ by, what, step }) => [by, what, step])
    expect(acts).toEqual([
      ['asker', 'asked', null],
      ['ann', 'approved', 'approval'],
      ['ben', 'approved', 'approval'],
      ['ann', 'approved', 'desk'],
      ['ben', 'skip-requested', 'broken'],
    ])
    expect(JSON.stringify(report)).toContain(why)
    expect((await api().status()).groups[0]).toMatchObject({ epoch: 2, effectivePrimary: 'west' })
  }, 120_000)
})
