import { expect, it } from 'vitest'
import { HoldfastError } from '../../model/errors.ts'
import { memoryWorkspace } from '../memory/memory-workspace.ts'
import { breaking } from './breaking.ts'
import { callCounter } from './counted.ts'
import { interceptWorkspace } from './intercept.ts'

it('counts calls by service and result, and knows when a member is left alone', async () => {
  let trouble: HoldfastError | undefined
  let now = 0
  const counter = callCounter()
  const service = interceptWorkspace(memoryWorkspace({ name: 'east' }), async (_call, next) => {
    if (trouble) throw trouble
    return next()
  })
  const onChange = (isOpen: boolean) => counter.onCircuit('east', isOpen)
  const workspace = breaking(counter.counted(service), { failures: 2, now: () => now, onChange })
  const call = () => workspace.describe().catch((error: unknown) => error)
  await call()
  trouble = new HoldfastError('workspace.throttled', 'busy', { kind: 'transient' })
  for (let i = 0; i < 3; i += 1) await call()
  expect(counter.read().circuits.get('east')).toBe(true)
  trouble = undefined
  now = 10_000
  await call()
  expect(counter.read().circuits.get('east')).toBe(false)
  expect(counter.read().calls).toEqual([
    { labels: { member: 'east', service: 'arm', result: 'ok' }, value: 2 },
    // The third was refused here and never sent.
    { labels: { member: 'east', service: 'arm', result: 'workspace.throttled' }, value: 2 },
  ])
})
