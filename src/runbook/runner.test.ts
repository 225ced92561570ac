import { expect, it } from 'vitest'
import { type SpanOptions, traceWith } from '../telemetry/tracing.ts'
import { memoryJournal } from './journal.ts'
import { engineRecord, memoryEngine } from './memory-engine.ts'
import { runbook, step } from './runbook.ts'
import { bindRunbook, createRunner, runbookProcedures } from './runner.ts'

const clock = () => new Date('2026-01-01T00:00:00Z')

function controller(journal = memoryJournal()) {
  const acts: string[] = []
  const book = runbook<object>('once', [
    step('act', {
      title: 'Act',
      needs: [],
      isDone: async () => ({ done: acts.length > 0, detail: `${acts.length} acts` }),
      act: async () => void acts.push('acted'),
    }),
  ])
  const tools = { journal, now: clock, onEvent: () => undefined, onProgress: () => undefined }
  const bindings = [
    bindRunbook(book, async () => ({ world: {}, close: async () => undefined }), tools),
  ]
  const engine = memoryEngine({ procedures: runbookProcedures(bindings) })
  const runner = createRunner({ engine, journal, now: clock, bindings })
  return { acts, engine, journal, runner }
}

const asked = { id: 'run-1', runbook: 'once', group: 'g', input: {} }

it('begins what was accepted by a controller that died before it began (I8)', async () => {
  const first = controller()
  await first.engine.stop()
  first.engine.run = async () => {
    throw new Error('killed')
  }
  await expect(first.runner.start(asked)).rejects.toThrow('killed')
  expect((await first.journal.read('run-1'))?.state.status).toBe('accepted')

  const second = controller(first.journal)
  await second.engine.start()
  await second.runner.takeUp('other')
  expect(second.acts).toEqual([])
  await second.runner.takeUp('g')
  await second.runner.takeUp('g')
  expect((await second.runner.ended('run-1')).state.status).toBe('done')
  await second.runner.takeUp('g')
  expect(second.acts).toEqual(['acted'])
})

it('never answers a second try with how the first one ended (I8)', async () => {
  const { engine, journal, runner } = controller()
  await engine.start()
  await runner.start(asked)
  await runner.ended('run-1')
  const error = { code: 'x', message: 'x', kind: 'transient' as const, hint: null }
  const failing = { ...asked, id: 'run-2' }
  engine.run = async () => undefined
  await runner.start(failing)
  await journal.append('run-2', { type: 'begun', at: clock().toISOString() })
  await journal.append('run-2', { type: 'failed', error, at: clock().toISOString() })
  expect((await runner.read('run-2'))?.state.status).toBe('failed')
  expect((await runner.start(failing)).state.status).toBe('running')
})

it('stays in the trace of the call that asked for it, also when another process performs it', async () => {
  const heard: [string, SpanOptions['parent']][] = []
  let current: string | undefined = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const asking = current
  traceWith({
    inSpan: (name, { parent }, work) => {
      heard.push([name, parent])
      return work({ note: () => undefined })
    },
    traceparent: () => current,
    ids: () => undefined,
  })
  try {
    const first = controller()
    first.engine.run = async () => {
      throw new Error('killed')
    }
    await expect(first.runner.start(asked)).rejects.toThrow('killed')
    current = undefined
    const second = controller(first.journal)
    await second.engine.start()
    await second.runner.takeUp('g')
    await second.runner.ended('run-1')
  } finally {
    traceWith(undefined)
  }
  expect(heard).toEqual([
    ['operation once', asking],
    ['step act', undefined],
  ])
})

/** A step that is done, and a second one that hangs until the process stops; looks follow the signal. */
function interrupted() {
  const [journal, record] = [memoryJournal(), engineRecord()]
  let reached: () => void = () => undefined
  const life = (hangs: 'act' | 'look' | 'never') => {
    const there = new Promise<void>((resolve) => {
      reached = resolve
    })
    const hang = (signal: AbortSignal) => {
      reached()
      return new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
      })
    }
    let isDone = hangs === 'never'
    const book = runbook<object>('twice', [
      step('first', {
        title: 'First',
        needs: [],
        isDone: async (_, { signal }) =>
          hangs === 'look' ? hang(signal) : { done: true, detail: '' },
        act: async () => undefined,
      }),
      step('second', {
        title: 'Second',
        needs: [],
        isDone: async () => ({ done: isDone, detail: '' }),
        act: async (_, { signal }) => {
          if (hangs === 'act') await hang(signal)
          isDone = true
        },
      }),
    ])
    const bindings = [
      bindRunbook(book, async () => ({ world: {}, close: async () => undefined }), {
        journal,
        now: clock,
      }),
    ]
    const engine = memoryEngine({ procedures: runbookProcedures(bindings), record })
    return { engine, runner: createRunner({ engine, journal, now: clock, bindings }), there }
  }
  return { journal, record, life }
}

const types = async (journal: ReturnType<typeof memoryJournal>) =>
  (await journal.events('run-1')).map(({ type }) => type)

it('is paused, not failed, by a process that stops while it looks again at what is done (I8)', async () => {
  const { journal, life } = interrupted()
  const first = life('act')
  await first.engine.start()
  await first.runner.start({ ...asked, runbook: 'twice' })
  await first.there
  first.engine.kill()

  const second = life('look')
  await second.engine.start()
  await second.there
  await second.runner.stop()
  expect((await journal.read('run-1'))?.state).toMatchObject({ status: 'paused' })

  const third = life('never')
  await third.engine.start()
  expect((await third.runner.ended('run-1')).state).toMatchObject({ outcome: 'complete' })
  const noted = await types(journal)
  expect(noted).not.toContain('failed')
  expect(noted.filter((type) => type === 'finished')).toHaveLength(1)
})

it('does not begin or finish again what a process ended that died before the engine knew', async () => {
  const { journal, record, life } = interrupted()
  const first = life('never')
  await first.engine.start()
  await first.runner.start({ ...asked, runbook: 'twice' })
  await first.runner.ended('run-1')
  const noted = await types(journal)
  delete record.runs.get('run-1/1')?.end

  const second = life('never')
  await second.engine.start()
  expect(await second.engine.result('run-1/1')).toBe('complete')
  expect(await types(journal)).toEqual(noted)
})

it('notes once that a second try begins, whoever says so first', async () => {
  const { journal, life } = interrupted()
  const { engine, runner } = life('never')
  await engine.start()
  const run = { ...asked, runbook: 'twice' }
  const error = { code: 'x', message: 'x', kind: 'transient' as const, hint: null }
  const { run: perform } = engine
  engine.run = async () => undefined
  await runner.start(run)
  await journal.append('run-1', { type: 'failed', error, at: clock().toISOString() })
  engine.run = perform
  await runner.start(run)
  await runner.ended('run-1')
  expect((await types(journal)).filter((type) => type === 'begun')).toHaveLength(1)
})
