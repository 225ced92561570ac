import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parsePlan } from '../../plan/load-plan.ts'
import { extensibleRunbooks, runbookAnchors } from '../../plan/runbook-anchors.ts'
import type { UserStep } from '../../plan/user-step-schema.ts'
import { isEnded } from '../../runbook/run-state.ts'
import { failover } from '../failover.ts'
import { reprotect } from '../reprotect.ts'
import { failback, switchover } from '../switchover.ts'
import { controller, createScene, type Scene, there } from '../testing/scene.ts'

it('lets a plan name exactly the steps that there are', () => {
  const books = { failover, switchover, failback, reprotect }
  for (const name of extensibleRunbooks) {
    expect(runbookAnchors[name]).toEqual(books[name].steps.map(({ id }) => id))
  }
})

/** A zombie that nobody has reaped yet is no more. */
function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !existsSync('/proc') || !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

interface Received {
  readonly key: string | undefined
  readonly body: unknown
}

describe("steps of the plan's own", () => {
  let scene: Scene
  let server: Server
  let url: string
  let folder: string
  let received: Received[]
  let answer: (request: IncomingMessage) => number | Promise<number>
  const noWait = { sleep: async () => undefined }

  beforeEach(async () => {
    scene = await createScene()
    scene.regions.east.disconnect()
    folder = mkdtempSync(join(tmpdir(), 'holdfast-steps-'))
    received = []
    answer = () => 200
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const body: unknown = JSON.parse(Buffer.concat(chunks).toString() || 'null')
      received.push({ key: request.headers['idempotency-key'] as string, body })
      response.writeHead(await answer(request)).end()
    })
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true })
  })

  /** As the plan file gives them. */
  function stepsOf(entries: string): readonly UserStep[] {
    const id = (name: string) =>
      `/subscriptions/6a1c/resourceGroups/ml/providers/Microsoft.MachineLearningServices/workspaces/${name}`
    const text = `members:
  east: { workspace: ${id('east')}, role: primary }
  west: { workspace: ${id('west')} }
runbooks:
  failover:
${entries}`
    return parsePlan(text, join(folder, 'continuity.yaml')).runbooks?.failover ?? []
  }
  const hook = (more = '') =>
    stepsOf(`    - { before: switch-traffic, http: { url: "${url}" }${more} }`)
  const run = (userSteps: readonly UserStep[], crash = {}) =>
    controller(scene, { ...there, userSteps }, crash, noWait)
  const stateNow = async () => (await scene.records.journal.read('run'))?.state
  const recordOf = async (step: string) => (await stateNow())?.steps.find(({ id }) => id === step)

  it('stand where the plan says, are known by what they are, and tell what they did', async () => {
    await run(hook())
    const state = await stateNow()
    expect(state).toMatchObject({ status: 'done', outcome: 'complete' })
    const ids = state?.steps.map(({ id }) => id) ?? []
    expect(ids[ids.indexOf('switch-traffic') - 1]).toBe('http-before-switch-traffic')
    expect(received).toEqual([
      {
        key: 'run/http-before-switch-traffic',
        body: {
          ...{ group: 'g', runbook: 'failover', run: 'run', step: 'http-before-switch-traffic' },
          ...{ epoch: 2, from: 'east', to: 'west' },
        },
      },
    ])
    expect(await recordOf('http-before-switch-traffic')).toMatchObject({
      status: 'done',
      detail: `POST ${url} answered 200.`,
    })
  })

  it('fill in what the plan leaves open', async () => {
    await run(
      stepsOf(`    - after: write-report
      http: { url: "${url}", body: { text: "{{group}} is in {{to}} since epoch {{epoch}}" } }`),
    )
    expect(received[0]?.body).toEqual({ text: 'g is in west since epoch 2' })
  })

  it('are repeated with one key while the other side is busy, and then fail', async () => {
    answer = () => 503
    await run(hook(', retries: 1'))
    expect(received.map(({ key }) => key)).toEqual(Array(2).fill('run/http-before-switch-traffic'))
    expect(await stateNow()).toMatchObject({
      status: 'failed',
      error: { code: 'step.http-unavailable' },
    })
    answer = () => 200
    await run(hook(', retries: 1'))
    expect(await stateNow()).toMatchObject({ status: 'done', outcome: 'complete' })
  })

  it('are not repeated when the other side refuses', async () => {
    answer = () => 422
    await run(hook())
    expect(received).toHaveLength(1)
    expect(await stateNow()).toMatchObject({
      status: 'failed',
      error: { code: 'step.http-refused', kind: 'operator' },
    })
  })

  it('are unknown when no answer came in time, not failed (I8)', async () => {
    answer = () => new Promise<number>(() => undefined)
    await run(hook(', timeout: 50ms'))
    expect(await stateNow()).toMatchObject({
      status: 'unknown',
      error: { code: 'step.timed-out' },
    })
  })

  for (const point of ['intent', 'effect', 'record'] as const) {
    it(`end in the same state after a crash at ${point} (I2)`, async () => {
      const steps = hook()
      await run(steps, { at: { step: 'http-before-switch-traffic', point } })
      await run(steps)
      expect(await stateNow()).toMatchObject({ status: 'done', outcome: 'complete' })
      expect(received).toHaveLength(1)
    })
  }

  it('are repeated once, with the same key, after a crash between effect and record', async () => {
    let die: () => Promise<never> = () => Promise.reject(new Error('not yet'))
    answer = () => (received.length === 1 ? die() : 200)
    const steps = hook()
    const first = await run(steps, {
      means: (given: typeof die) => {
        die = given
      },
    })
    expect(first.ended).toBe('died')
    await run(steps)
    expect(await stateNow()).toMatchObject({ status: 'done', outcome: 'complete' })
    expect(received.map(({ key }) => key)).toEqual(Array(2).fill('run/http-before-switch-traffic'))
  })

  it('run programs without a shell, with what they have to know in their environment', async () => {
    process.env.HOLDFAST_TEST_SECRET = 'hunter2-hunter2'
    const script =
      'require("fs").writeFileSync("out.json", JSON.stringify([process.argv.slice(1), process.env])); console.log("token hunter2-hunter2")'
    const out = join(import.meta.dirname, '..', 'testing', 'out.json')
    try {
      await run(
        stepsOf(`    - after: raise-epoch
      id: tell
      env: [HOLDFAST_TEST_SECRET]
      command: ["${process.execPath}", "-e", ${JSON.stringify(script)}, "{{epoch}}; touch x"]`),
      )
      const [args, env] = JSON.parse(readFileSync(out, 'utf8')) as [string[], NodeJS.ProcessEnv]
      expect(args).toEqual(['2; touch x'])
      expect(env).toMatchObject({
        HOLDFAST_RUN: 'run',
        HOLDFAST_EPOCH: '2',
        HOLDFAST_STEP: 'tell',
        HOLDFAST_GROUP: 'g',
        HOLDFAST_IDEMPOTENCY_KEY: 'run/tell',
        HOLDFAST_TEST_SECRET: 'hunter2-hunter2',
      })
      expect(env.npm_package_name).toBeUndefined()
      // I9: what it prints of its secret does not reach the journal.
      expect((await recordOf('tell'))?.detail).toContain('token ***')
    } finally {
      delete process.env.HOLDFAST_TEST_SECRET
      rmSync(out, { force: true })
    }
  })

  for (const [what, rest] of [
    ['waits for its children', 'wait'],
    ['left children behind', 'exit 0'],
  ]) {
    it(`end a program that takes too long and ${what}, all of it, and do not know what it did (I8)`, async () => {
      const pids = join(folder, 'pids')
      await run(
        stepsOf(`    - after: raise-epoch
      id: hang
      timeout: 4s
      command: ["sh", "-c", "sleep 600 & echo $! > '${pids}'; sleep 600 & echo $! >> '${pids}'; ${rest}"]`),
      )
      expect(await stateNow()).toMatchObject({
        ...{ status: 'unknown', step: 'hang', error: { code: 'step.timed-out' } },
      })
      const children = readFileSync(pids, 'utf8').trim().split('\n').map(Number)
      expect(children).toHaveLength(2)
      await expect.poll(() => children.filter(isThere), { timeout: 20_000 }).toEqual([])
    })
  }

  describe('that run a program', () => {
    const ran = () => readFileSync(join(folder, 'ran'), 'utf8').trim().split('\n')
    const program = () =>
      stepsOf(`    - before: switch-traffic
      id: program
      command: ["sh", "-c", "echo $HOLDFAST_IDEMPOTENCY_KEY >> '${join(folder, 'ran')}'"]`)

    for (const point of ['intent', 'effect', 'record'] as const) {
      it(`run it once, whatever dies at ${point} (I2)`, async () => {
        const steps = program()
        const first = await run(steps, { at: { step: 'program', point } })
        expect(first.ended).toBe('died')
        await run(steps)
        expect(await stateNow()).toMatchObject({ status: 'done', outcome: 'complete' })
        expect(ran()).toEqual(['run/program'])
      })
    }

    it('run it twice with one key after a crash between its end and the record', async () => {
      const steps = program()
      const { journal } = scene.records
      let died: () => Promise<never> = () => Promise.reject(new Error('not yet'))
      const isFirst = { yet: true }
      const dying = {
        ...journal,
        writeFact: (...args: Parameters<typeof journal.writeFact>) => {
          if (!isFirst.yet || args[1] !== 'user-step program') return journal.writeFact(...args)
          isFirst.yet = false
          return died()
        },
      }
      scene = { ...scene, records: { ...scene.records, journal: dying } }
      const first = await run(steps, {
        means: (given: typeof died) => {
          died = given
        },
      })
      expect(first.ended).toBe('died')
      await run(steps)
      expect(await stateNow()).toMatchObject({ status: 'done', outcome: 'complete' })
      expect(ran()).toEqual(['run/program', 'run/program'])
    })
  })

  it('say what a program that failed said', async () => {
    await run(
      stepsOf(
        `    - { after: raise-epoch, id: bad, command: ["sh", "-c", "echo no key; exit 3"] }`,
      ),
    )
    expect(await stateNow()).toMatchObject({
      status: 'failed',
      error: { code: 'step.command-failed', message: expect.stringContaining('no key') as string },
    })
  })

  it('stay as they were when the plan changes while the run is under way', async () => {
    const steps = hook()
    await run(steps, { at: { step: 'raise-epoch', point: 'record' } })
    await run([])
    expect(received).toHaveLength(1)
    expect((await stateNow())?.steps.map(({ id }) => id)).toContain('http-before-switch-traffic')
  })

  describe('that wait for people', () => {
    const twoOf = () =>
      stepsOf(`    - { before: raise-epoch, id: ok, approval: { people: 2, expires: 30m } }`)
    let at: number
    const time = {
      now: () => new Date(at),
      sleep: () => new Promise<void>((resolve) => setImmediate(resolve)),
    }
    beforeEach(() => {
      at = Date.parse('2026-01-01T12:00:00.000Z')
    })
    const begin = (crash = {}) =>
      controller(
        scene,
        { ...there, userSteps: twoOf(), askedBy: { id: 'ann', name: 'ann' } },
        crash,
        time,
      )
    const waits = () =>
      expect.poll(async () => (await stateNow())?.status, { timeout: 20_000 }).toBe('waiting')
    const say = (type: 'approved' | 'rejected', by: string) =>
      scene.records.journal.append('run', {
        ...{ type, step: 'ok', by, id: by, reason: null, at: new Date(at).toISOString() },
      })

    it('go on when enough different people agreed, the asker not among them', async () => {
      const running = begin()
      await waits()
      expect(await stateNow()).toMatchObject({
        ...{ status: 'waiting', for: 'approver', since: '2026-01-01T12:00:00.000Z' },
        steps: expect.arrayContaining([
          expect.objectContaining({
            wait: expect.objectContaining({ expiresAt: '2026-01-01T12:30:00.000Z' }) as object,
          }),
        ]) as object,
      })
      expect(await scene.records.epochs.current('g')).toMatchObject({ epoch: 1 })
      for (const by of ['ann', 'ben', 'ben']) await say('approved', by)
      expect((await stateNow())?.status).toBe('waiting')
      await say('approved', 'cyd')
      await running
      expect(await stateNow()).toMatchObject({ status: 'done', outcome: 'complete' })
      expect((await recordOf('ok'))?.detail).toBe('2 of 2 agreed: ben, cyd.')
    })

    it('fail when the time is over, and ask again when the run begins again', async () => {
      const running = begin()
      await waits()
      await say('approved', 'ben')
      at += 30 * 60_000
      await running
      expect(await stateNow()).toMatchObject({
        ...{ status: 'failed', step: 'ok', error: { code: 'approval.expired' } },
      })
      expect(await scene.records.epochs.current('g')).toMatchObject({ epoch: 1 })
      const again = begin()
      await waits()
      await say('approved', 'cyd')
      await say('approved', 'ben')
      await again
      expect(await stateNow()).toMatchObject({ status: 'done', outcome: 'complete' })
    })

    it('fail when somebody says no', async () => {
      const running = begin()
      await waits()
      await say('rejected', 'ben')
      await running
      expect(await stateNow()).toMatchObject({
        ...{ status: 'failed', error: { code: 'approval.rejected' } },
      })
    })

    for (const point of ['intent', 'effect', 'record'] as const) {
      it(`keep their answers and their expiry after a crash at ${point}`, async () => {
        const dying = begin({ at: { step: 'ok', point } })
        await waits()
        await say('approved', 'ben')
        if (point !== 'intent') await say('approved', 'cyd')
        expect((await dying).ended).toBe('died')
        at += 10 * 60_000
        const running = begin()
        await say('approved', 'cyd')
        await running
        expect(await stateNow()).toMatchObject({ status: 'done', outcome: 'complete' })
        expect((await recordOf('ok'))?.wait).toMatchObject({
          expiresAt: '2026-01-01T12:30:00.000Z',
        })
      })
    }

    it('end with the run that is cancelled, aborted or skipped', async () => {
      const running = begin()
      await waits()
      await scene.records.journal.append('run', {
        ...{ type: 'abort-requested', by: 'ben', reason: 'false alarm', at: '2026' },
      })
      await running
      const state = await stateNow()
      expect(state).toMatchObject({ status: 'done', outcome: 'aborted' })
      expect(state && isEnded(state)).toBe(true)
    })
  })
})
