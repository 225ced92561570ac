import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { HoldfastError } from '../model/errors.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../store/embedded-postgres.ts'
import { dbosEngine } from './dbos-engine.ts'
import type { DurableEngine, Procedure } from './durable-engine.ts'
import { engineRecord, memoryEngine } from './memory-engine.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-engine-'))
let server: EmbeddedPostgres
beforeAll(async () => {
  server = await startEmbeddedPostgres(folder)
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

describe.each(['memory', 'dbos'] as const)('durable engine: %s', (adapter) => {
  const effects: string[] = []
  let release: () => void = () => undefined
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  const procedures: Procedure[] = [
    {
      name: 'plain',
      body: async (context, input) => {
        const first = await context.step('first', async () => {
          effects.push(`first ${context.id}`)
          return 1
        })
        await context.sleep(1)
        return { first, input }
      },
    },
    {
      name: 'failing',
      body: (context) =>
        context.step('fail', async () => {
          throw new HoldfastError('some.code', 'no', { kind: 'operator', hint: 'do this' })
        }),
    },
    {
      name: 'gated',
      body: async (context) => {
        await context.step('wait', async () => {
          await gate
          return null
        })
        return context.step('after', async () => {
          effects.push('after the gate')
          return null
        })
      },
    },
  ]
  let engine: DurableEngine
  beforeAll(async () => {
    engine =
      adapter === 'memory'
        ? memoryEngine({ procedures })
        : dbosEngine({ procedures, url: server.url, executorId: 'test' })
    await engine.start()
  })
  afterAll(() => engine.stop())

  it('is the same run for the same id, however often it is asked for', async () => {
    await Promise.all([1, 2, 3].map(() => engine.run('plain', 'same', { a: [1, null] })))
    expect(await engine.result('same')).toEqual({ first: 1, input: { a: [1, null] } })
    await engine.run('plain', 'same', 'other')
    expect(await engine.result('same')).toEqual({ first: 1, input: { a: [1, null] } })
    expect(effects.filter((each) => each === 'first same')).toHaveLength(1)
    expect(await engine.status('same')).toBe('done')
  })

  it('keeps the code, kind and hint of what a procedure threw', async () => {
    await engine.run('failing', 'failed', null)
    await expect(engine.result('failed')).rejects.toMatchObject({
      code: 'some.code',
      kind: 'operator',
      hint: 'do this',
    })
    expect(await engine.status('failed')).toBe('failed')
  })

  it('begins no step after a cancellation', async () => {
    await engine.run('gated', 'cancelled', null)
    await engine.cancel('cancelled')
    release()
    await expect(engine.result('cancelled')).rejects.toMatchObject({ code: 'engine.cancelled' })
    expect(await engine.status('cancelled')).toBe('cancelled')
    expect(effects).not.toContain('after the gate')
  })

  it('says that it knows nothing of an unknown run', async () => {
    expect(await engine.status('nothing')).toBe('absent')
    await expect(engine.result('nothing')).rejects.toMatchObject({ code: 'engine.no-such-run' })
  })
})

describe('memory engine', () => {
  it('resumes after a kill with recorded steps done and the running one run again', async () => {
    const record = engineRecord()
    const ran: string[] = []
    let kill: () => void = () => undefined
    const procedures: Procedure[] = [
      {
        name: 'two',
        body: async (context) => {
          for (const name of ['a', 'b']) {
            await context.step(name, async () => {
              ran.push(name)
              if (name === 'b') kill()
              return null
            })
          }
          return 'end'
        },
      },
    ]
    const first = memoryEngine({ procedures, record })
    const killed = new Promise<void>((resolve) => {
      kill = () => {
        first.kill()
        resolve()
      }
    })
    await first.run('two', 'id', null)
    await killed
    kill = () => undefined
    const second = memoryEngine({ procedures, record })
    await second.start()
    expect(await second.result('id')).toBe('end')
    expect(ran).toEqual(['a', 'b', 'b'])
  })
})

describe('DBOS on embedded PostgreSQL, real processes', () => {
  const child = (log: string, dieIn: string) =>
    spawn(
      process.execPath,
      [
        '--import',
        'tsx',
        join(import.meta.dirname, 'testing/engine-child.ts'),
        server.url,
        log,
        dieIn,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
  const lines = (log: string): string[] =>
    existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []
  const finish = async (log: string): Promise<unknown> => {
    const last = child(log, 'none')
    const [output] = await Promise.all([last.stdout.toArray(), once(last, 'exit')])
    expect(last.exitCode).toBe(0)
    return JSON.parse(Buffer.concat(output).toString())
  }

  it('resumes in the interrupted step after kill -9, and keeps stdout its own', async () => {
    const log = join(folder, 'killed.log')
    const first = child(log, 'two')
    await once(first, 'exit')
    expect(first.signalCode).toBe('SIGKILL')
    expect(await finish(log)).toEqual(['one of it', 'two of it', 'three of it'])
    expect(lines(log)).toEqual(['one', 'two', 'two', 'three'])
  })

  it('does not turn a shutdown in the middle of a step into a failure', async () => {
    await withFreshRuns(server.url)
    const log = join(folder, 'stopped.log')
    const first = child(log, 'slow-two')
    while (!lines(log).includes('two')) await delay(20)
    first.kill('SIGTERM')
    await once(first, 'exit')
    expect(first.exitCode).toBe(0)
    expect(await finish(log)).toEqual(['one of it', 'two of it', 'three of it'])
    expect(lines(log)).toEqual(['one', 'two', 'stopping', 'two', 'three'])
  })
})

async function withFreshRuns(url: string): Promise<void> {
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('drop schema holdfast_dbos cascade')
  await client.end()
}
