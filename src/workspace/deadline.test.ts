import { spawnSync } from 'node:child_process'
import { getEventListeners } from 'node:events'
import { resolve } from 'node:path'
import { expect, it } from 'vitest'
import { deadlineOf, endingAfter } from './deadline.ts'

it('ends after its time, with the reason that says so', async () => {
  const signal = endingAfter(1)
  await expect.poll(() => signal.aborted).toBe(true)
  expect(signal.reason).toMatchObject({ name: 'TimeoutError' })
})

it('ends with each of its signals, gone ones included, and lets go of them', () => {
  const [one, other] = [new AbortController(), new AbortController()]
  const listeners = () => getEventListeners(one.signal, 'abort').length
  const { signal } = deadlineOf(60_000, one.signal, undefined, other.signal)
  expect(listeners()).toBe(1)
  other.abort('why')
  expect(signal.reason).toBe('why')
  expect(listeners()).toBe(0)
  expect(deadlineOf(60_000, other.signal).signal.reason).toBe('why')
  deadlineOf(60_000, one.signal).lift()
  expect(listeners()).toBe(0)
})

it('ends although everything that nobody holds is collected meanwhile', () => {
  const module = resolve(import.meta.dirname, 'deadline.ts')
  const script = `
    const { endingAfter } = await import(${JSON.stringify(module)})
    const make = () => endingAfter(50, new AbortController().signal)
    const signal = make()
    globalThis.gc()
    await new Promise((done) => signal.addEventListener('abort', done))
    console.log('ended')`
  const flags = ['--expose-gc', '--import', 'tsx', '--input-type=module', '-e']
  // Its timer holds no process up, so one that is waited for has to.
  const held = `setTimeout(() => process.exit(3), 60_000); ${script}; process.exit(0)`
  const ended = spawnSync(process.execPath, [...flags, held], { encoding: 'utf8' })
  expect(ended.stdout).toContain('ended')
}, 90_000)
