import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Operation } from '../api/contract.ts'
import { buildBundle, runCli } from './testing/run-cli.ts'
import {
  at,
  doneSteps,
  type ScriptedController,
  startScriptedController,
} from './testing/scripted-controller.ts'

let dir: string
let controller: ScriptedController
const run = (...args: string[]) => runCli(args, { cwd: dir })

const waits: Partial<Operation> = {
  ...{ status: 'waiting', waitingFor: 'approver', by: 'ann' },
  waiting: {
    ...{ step: 'ok', for: 'approver', reason: 'Two people.', since: at(0), expiresAt: at(50) },
    ...{ people: 2, excluded: 'ann', approvals: [{ by: 'ben', reason: null, at: at(1) }] },
  },
}

beforeAll(buildBundle, 120_000)
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-cli-'))
  controller = await startScriptedController({
    stateDir: join(dir, '.holdfast'),
    onStart: (started) => started.advance(waits),
  })
})
afterEach(async () => {
  await controller.close()
  rmSync(dir, { recursive: true, force: true })
})

describe('steering an operation', () => {
  it('says whose answer a run waits for, until when, and how it is given (I8)', async () => {
    const { code, stdout } = await run('failover', '--yes')
    expect(code).toBe(4)
    for (const part of ['approver', 'Two people.', '1 of 2', 'ben', 'ann', at(50)])
      expect(stdout).toContain(part)
    expect(stdout).toContain('holdfast approve failover-1')
    expect((await run('status')).stdout).toContain('holdfast approve failover-1')
  })

  it('asks whether it can be done, then a human, then does it', async () => {
    await run('failover', '--yes')
    const refused = await run('approve', 'failover-1')
    expect(refused.code).toBe(4)
    expect(refused.stderr).toContain('operation.not-confirmed')
    expect(controller.controlled).toEqual([
      { action: 'approve', request: expect.objectContaining({ dryRun: true }) as object },
    ])
    const done = await run('approve', 'failover-1', '--reason', 'seen', '--yes', '--json')
    expect(done.code).toBe(0)
    expect(JSON.parse(done.stdout)).toMatchObject({ operation: { id: 'failover-1' } })
    expect(controller.controlled.at(-1)).toEqual({
      action: 'approve',
      request: { reason: 'seen', dryRun: false },
    })
  })

  it('changes nothing with --dry-run', async () => {
    await run('failover', '--yes')
    const { code, stdout } = await run('skip', 'failover-1', 'one', '--reason', 'r', '--dry-run')
    expect(code).toBe(0)
    expect(stdout).toContain('can be done')
    expect(controller.controlled.map(({ request }) => request.dryRun)).toEqual([true])
  })

  it('wants a reason where it becomes part of the record', async () => {
    expect((await run('abort', 'failover-1', '--yes')).code).toBe(2)
    expect((await run('skip', 'failover-1', 'one', '--yes')).code).toBe(2)
  })

  it('follows an abort to its end, and has an exit code for it', async () => {
    await run('failover', '--yes')
    controller.advance({
      ...{ status: 'done', outcome: 'aborted', steps: doneSteps, endedAt: at(2) },
      ...{ waiting: null, waitingFor: null },
    })
    const { code, stdout } = await run('abort', 'failover-1', '--reason', 'r', '--yes')
    expect(code).toBe(130)
    expect(stdout).toContain('aborted')
  })
})
