import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { HistoryEntry } from '../api/evidence-contract.ts'
import { HoldfastError } from '../model/errors.ts'
import { buildBundle, runCli, startCli } from './testing/run-cli.ts'
import {
  at,
  doneSteps,
  type ScriptedController,
  startScriptedController,
} from './testing/scripted-controller.ts'

let dir: string
let stateDir: string
const controllers: ScriptedController[] = []

beforeAll(buildBundle, 120_000)
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-cli-'))
  stateDir = join(dir, '.holdfast')
})
afterEach(async () => {
  for (const controller of controllers.splice(0)) await controller.close()
  rmSync(dir, { recursive: true, force: true })
})

const serve = async (
  options: Omit<Parameters<typeof startScriptedController>[0], 'stateDir'> = {},
): Promise<ScriptedController> => {
  const controller = await startScriptedController({ stateDir, ...options })
  controllers.push(controller)
  return controller
}
const run = (...args: string[]) => runCli(args, { cwd: dir })
const begun = (started: ScriptedController['started']) =>
  started.filter(({ request }) => !request.dryRun)
const over = { status: 'done', steps: doneSteps, endedAt: at(2) } as const

describe('commands and the controller they find', () => {
  it('shows the status of the controller that runs on the state directory', async () => {
    await serve()
    const { code, stdout } = await run('status')
    expect(code).toBe(0)
    for (const part of ['fraud', 'epoch 4', 'east', 'connection refused', '1 min 30 s', 'model'])
      expect(stdout).toContain(part)
  })

  it('keeps stdout JSON and nothing else', async () => {
    await serve({ onStart: (controller) => controller.advance({ ...over, outcome: 'complete' }) })
    for (const args of [
      ['status'],
      ['plan'],
      ['objects'],
      ['jobs'],
      ['resolve', 'run', 'old-1'],
      ['sync'],
      ['failover', '--yes'],
    ]) {
      const { code, stdout } = await run(...args, '--json')
      expect(code).toBe(0)
      expect(JSON.parse(stdout), args.join(' ')).toBeTypeOf('object')
    }
  })

  it('leads from the id of a run at either side to the other, and says when there is none', async () => {
    await serve()
    for (const id of ['old-1', 'new-1']) {
      const { code, stdout } = await run('resolve', 'run', id, '--json')
      expect(code).toBe(0)
      expect(JSON.parse(stdout).links).toEqual([
        { origin: { member: 'east', run: 'old-1' }, copy: { member: 'west', run: 'new-1' } },
      ])
    }
    const unknown = await run('resolve', 'run', 'a/b', '--json')
    expect(unknown.code).toBe(4)
    expect(JSON.parse(unknown.stdout).error.code).toBe('run.not-linked')
  })

  it('says how jobs stand now, and between which epochs a move went (I8)', async () => {
    const moved = {
      ...{ id: 'failover-fraud-e5', type: 'failover' as const, epoch: 4, began: 5, by: 'ann' },
      ...{ status: 'done' as const, outcome: 'complete' as const, startedAt: at(0) },
      ...{ endedAt: at(2), rtaMs: 1, rtoMs: 2, rpaMs: 3, rpoMs: 4, report: null },
      atLeast: false,
    }
    const open = { ...moved, atLeast: true, rtaMs: 37_000, rtoMs: 900_000 }
    await serve({ service: { history: async () => ({ items: [moved, open], cursor: null }) } })
    const history = (await run('history')).stdout
    expect(history).toMatch(/failover-fraud-e5 +4 -> 5 .* 1 ms \/ 2 ms /)
    expect(history).toContain(' ≥ 37.0 s / 15 min ')
    const { items } = JSON.parse((await run('history', '--json')).stdout)
    expect(items.map(({ atLeast }: HistoryEntry) => atLeast)).toEqual([false, true])
    const { stdout } = await run('jobs')
    expect(stdout).toMatch(/train +Completed +resubmit +train-e5/)
    expect(stdout).toMatch(/quiet +unknown: east does not answer; Running at/)
  })

  it('asks the controller of --server with the token of the environment', async () => {
    const { url, token } = await serve()
    rmSync(join(stateDir, 'controller.json'))
    const args = ['status', '--json', '--server', url]
    const good = await runCli(args, { cwd: dir, env: { HOLDFAST_TOKEN: token } })
    expect(good.code).toBe(0)
    const bad = await runCli(args, { cwd: dir, env: { HOLDFAST_TOKEN: 'guessed' } })
    expect(bad.code).toBe(4)
    expect(JSON.parse(bad.stdout).error.code).toBe('request.unauthorized')
    expect(`${bad.stdout}${bad.stderr}`).not.toContain('guessed')
  })

  it('says unreachable when nobody answers at --server', async () => {
    const { url, close } = await startScriptedController({ stateDir })
    await close()
    const { code, stdout } = await run('status', '--json', '--server', url)
    expect(code).toBe(5)
    expect(JSON.parse(stdout).error.code).toBe('controller.unreachable')
  })

  it.each([
    ['a proxy with nobody behind it', 502, '<html>', 'controller.unreachable'],
    ['somebody else', 404, 'Not found', 'controller.bad-answer'],
    ['somebody else who is glad', 200, '<html>', 'controller.bad-answer'],
    ['a controller that is stopped', undefined, '', 'controller.silent'],
  ])('says unreachable when %s answers', async (_who, status, body, code) => {
    const server = createServer((_request, response) => {
      if (status !== undefined) response.writeHead(status).end(body)
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as AddressInfo
    try {
      const answer = await run('status', '--json', '--server', `http://127.0.0.1:${port}`)
      expect(JSON.parse(answer.stdout).error.code).toBe(code)
      expect(answer.code).toBe(5)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })

  it('does not believe the note of a controller that is gone', async () => {
    const { close } = await startScriptedController({ stateDir })
    await close()
    // It then starts one of its own, for which it needs the plan.
    expect(await run('status')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('plan.not-found'),
    })
  })

  it('reads every page of the ledger', async () => {
    await serve()
    const { stdout } = await run('objects', '--only', 'failed', '--json')
    expect(JSON.parse(stdout).items).toHaveLength(24)
  })

  it('calls mistakes in the command line usage errors, before anything is started', async () => {
    const mistakes = [
      ['sync', '--frobnicate'],
      ['objects', '--only', 'lost'],
      ['status', '--server', 'ftp://x'],
      ['status', 'surplus'],
      ['gateway', '--listen', 'nowhere'],
      ['no-such-command'],
    ]
    for (const args of mistakes) {
      const { code, stdout, stderr } = await run(...args)
      expect(code, args.join(' ')).toBe(2)
      expect(stdout).toBe('')
      expect(stderr).toMatch(/error/i)
    }
  })
})

describe('assess', () => {
  it('exits with 4 when not ready, with evidence and remedy', async () => {
    await serve()
    const { code, stdout } = await run('assess')
    expect(code).toBe(4)
    expect(stdout).toContain('standardDSv2Family: 8 more cores')
    expect(stdout).toContain('Ask for more.')
    expect(JSON.parse((await run('assess', '--json')).stdout)).toMatchObject({
      verdict: 'not-ready',
    })
  })
})

describe('sync', () => {
  it('shows steps as they end and exits with 0 when everything is proven', async () => {
    await serve({ onStart: (controller) => controller.advance({ ...over, outcome: 'complete' }) })
    const { code, stdout, stderr } = await run('sync')
    expect(code).toBe(0)
    expect(stderr).toContain('✔ Do the first thing (2.0 s) It stands.')
    expect(stdout).toContain('complete')
  })

  it('exits with 3 and names what is not proven (I4)', async () => {
    await serve({ onStart: (controller) => controller.advance({ ...over, outcome: 'partial' }) })
    const { code, stdout } = await run('sync')
    expect(code).toBe(3)
    expect(stdout.match(/workspace\.throttled/g)).toHaveLength(20)
    expect(stdout).toContain('25 objects')
    expect(stdout).toContain('and 5 more')
  })

  it('exits by the code of the failure, or by outcome unknown', async () => {
    const error = { code: 'workspace.unreachable', message: 'east is away', hint: 'Wait.' }
    await serve({
      onStart: (controller) =>
        controller.advance({ ...over, status: 'failed', outcome: 'failed', error }),
    })
    const failed = await run('sync')
    expect(failed).toMatchObject({ code: 5, stdout: expect.stringContaining('Wait.') })
    await controllers.pop()?.close()
    const kinds = { transient: 5, operator: 4, 'unknown-outcome': 7, permanent: 1 } as const
    for (const [kind, code] of Object.entries(kinds)) {
      const why = { ...error, code: 'some.new', kind: kind as keyof typeof kinds }
      await serve({
        onStart: (controller) =>
          controller.advance({ ...over, status: 'failed', outcome: 'failed', error: why }),
      })
      expect((await run('sync')).code, kind).toBe(code)
      await controllers.pop()?.close()
    }
    await serve({
      onStart: (controller) => controller.advance({ ...over, status: 'unknown', error }),
    })
    expect((await run('sync')).code).toBe(7)
  })

  it('changes nothing with --dry-run', async () => {
    const { started } = await serve()
    const { code, stdout } = await run('sync', '--dry-run')
    expect(code).toBe(0)
    expect(stdout).toContain('differs in west')
    expect(started).toEqual([])
  })

  it('passes on that another operation is under way', async () => {
    await serve({
      refuse: new HoldfastError('operation.busy', 'A failover is under way.', { kind: 'operator' }),
    })
    expect(await run('sync')).toMatchObject({
      code: 6,
      stderr: expect.stringContaining('operation.busy'),
    })
  })

  it('leaves the operation of another controller alone at Ctrl-C, and says so', async () => {
    const { cancelled } = await serve({
      onStart: (controller) =>
        controller.advance({
          steps: [
            ...doneSteps,
            ...doneSteps.map((step) => ({
              ...step,
              id: 'two',
              title: 'Second',
              status: 'running' as const,
            })),
          ],
        }),
    })
    const cli = startCli(['sync'], { cwd: dir })
    await cli.shows('It stands.')
    cli.child.kill('SIGINT')
    const { code, stdout } = await cli.ended
    expect(code).toBe(130)
    expect(stdout).toContain('holdfast status --watch')
    expect(cancelled).toEqual([])
  })
})

describe('failover', () => {
  it('refuses without --yes where nobody can be asked, and says what is at stake', async () => {
    const { started } = await serve()
    const { code, stderr } = await run('failover')
    expect(code).toBe(4)
    const parts = ['epoch 4 -> 5', '25 objects', 'the last 1 min 30 s', 'east is down', '--yes']
    for (const part of [...parts, 'late (Queued when last seen)', 'east cannot be fenced'])
      expect(stderr).toContain(part)
    // Once: the verdict says why the primary is unwell.
    expect(stderr.match(/east is/g)).toHaveLength(1)
    expect(begun(started)).toEqual([])
  })

  it.each([[], ['--yes']])(
    'says what is at stake of nothing that is refused (%s)',
    async (...yes) => {
      await serve({ refuse: new HoldfastError('epoch.changed', 'Moved.', { kind: 'operator' }) })
      const { stderr } = await run('failover', ...yes.flat())
      expect(stderr).toContain('Moved.')
      expect(stderr).not.toContain('Failover of')
    },
  )

  it('fails over the world that was shown, and keeps the report', async () => {
    const { started } = await serve({
      onStart: (controller) =>
        controller.advance({
          ...over,
          outcome: 'complete',
          report: 'operations/failover-1/report',
        }),
    })
    const { code, stdout, stderr } = await run('failover', '--yes', '--force')
    expect(code).toBe(0)
    expect(started).toEqual([
      { type: 'failover', request: { dryRun: false, force: true, expectedEpoch: 4 } },
    ])
    expect(stderr).toContain('✔ Do the first thing (2.0 s) It stands.')
    for (const part of [
      'RTA 3.2 s of RTO 15 min',
      'RPA 1.4 s of RPO 5 min',
      'train -> train-e5 from ckpt-7',
    ])
      expect(stdout).toContain(part)
    const saved = join(stateDir, 'reports', 'failover-1')
    expect(JSON.parse(readFileSync(`${saved}.json`, 'utf8')).outcome).toBe('complete')
    expect(existsSync(`${saved}.html`)).toBe(true)
  })

  it('prints the steps with --dry-run, without asking', async () => {
    const { started } = await serve()
    const { code, stdout } = await run('failover', '--dry-run')
    expect(code).toBe(0)
    expect(stdout).toContain('Do the first thing')
    expect(started).toMatchObject([{ request: { dryRun: true } }])
    const { atStake } = JSON.parse((await run('failover', '--dry-run', '--json')).stdout)
    expect(atStake).toMatchObject({
      ...{ lagMs: 90_000, notProven: 25, openJobs: [{ job: 'late' }], canFence: false },
    })
  })
})

describe('reprotect', () => {
  it('refuses without --yes, exits with 3 when salvage left something', async () => {
    const { started } = await serve({
      onStart: (controller) => controller.advance({ ...over, outcome: 'partial' }),
    })
    expect((await run('reprotect')).code).toBe(4)
    expect((await run('reprotect', '--yes')).code).toBe(3)
    expect(begun(started)).toHaveLength(1)
  })
})

describe('status --watch', () => {
  it('writes a JSON line for each change until Ctrl-C', async () => {
    const controller = await serve()
    expect((await run('failover', '--dry-run')).code).toBe(0)
    const cli = startCli(['status', '--watch', '--json'], { cwd: dir })
    await cli.shows('"groups"')
    controller.advance({ status: 'waiting' })
    await cli.shows('"waiting"')
    cli.child.kill('SIGINT')
    const { code, stdout } = await cli.ended
    expect(code).toBe(130)
    const states = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).groups[0].operation.status)
    expect(states).toEqual(['done', 'waiting'])
  })
})

const planText = (endpoints: string) => `apiVersion: holdfast/v1
group: fraud
members:
  east: { workspace: "${workspace('east')}", role: primary }
  west: { workspace: "${workspace('west')}" }
endpoints: ${endpoints}
`
const workspace = (name: string) =>
  `/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/${name}`

describe('gateway', () => {
  it('ends at a signal although its parent still holds its standard input', async () => {
    writeFileSync(
      join(dir, 'continuity.yaml'),
      planText('[{ gateway: scoring, listen: "127.0.0.1:0" }]'),
    )
    const cli = startCli(['gateway', '--json', '--exit-with-parent'], { cwd: dir })
    await cli.shows('"origin"')
    cli.child.kill('SIGTERM')
    expect((await cli.ended).code).toBe(0)
  })

  it('says where it listens, answers, and ends with its parent', async () => {
    writeFileSync(
      join(dir, 'continuity.yaml'),
      planText('[{ gateway: scoring, listen: "127.0.0.1:0" }]'),
    )
    const cli = startCli(['gateway', '--json', '--exit-with-parent'], { cwd: dir })
    await cli.shows('}\n')
    cli.child.stdin?.end()
    const { code, stdout } = await cli.ended
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ name: 'scoring', pid: cli.child.pid })
    expect(JSON.parse(stdout).origin).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  })

  it('says clearly that the plan names none, or that its port is taken', async () => {
    writeFileSync(join(dir, 'continuity.yaml'), planText('[]'))
    expect(await run('gateway')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('usage.no-gateway'),
    })
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const address = taken.address()
    const port = typeof address === 'object' ? address?.port : 0
    writeFileSync(
      join(dir, 'continuity.yaml'),
      planText(`[{ gateway: scoring, listen: "127.0.0.1:${port}" }]`),
    )
    expect(await run('gateway')).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('gateway.cannot-listen'),
    })
    await new Promise((resolve) => taken.close(resolve))
  })
})
