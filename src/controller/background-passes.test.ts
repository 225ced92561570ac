import { expect, it } from 'vitest'
import type { PassResult } from '../replication/pass.ts'
import { fill } from '../replication/testing/worlds.ts'
import { runBackgroundPasses } from './background-passes.ts'
import { createPassGate } from './pass-gate.ts'
import { memoryGroup } from './testing/memory-group.ts'

const reconcileEveryMs = 60_000
const model = (name: string) => ({
  is: 'object' as const,
  id: { kind: 'model' as const, path: [name, '1'] },
  body: { properties: { modelUri: 'azureml://datastores/workspaceblobstore/paths/m/' } },
})

it('looks for what is gone in a full pass only, and makes one each time the interval is over', async () => {
  let now = Date.parse('2026-01-01T00:00:00Z')
  const { east, west, group } = await memoryGroup(() => new Date(now))
  await fill(east, ['one', 'two', 'three', 'four'].map(model))
  const passes: PassResult[] = []
  const stop = new AbortController()
  const running = runBackgroundPasses(group, {
    ...{ everyMs: 1, reconcileEveryMs, gate: createPassGate(), signal: stop.signal },
    whyNot: async () => undefined,
    onPass: (result) => passes.push(result),
  })
  const morePasses = async (count: number) => {
    const before = passes.length
    await expect
      .poll(() => passes.length - before, { timeout: 20_000 })
      .toBeGreaterThanOrEqual(count)
  }
  const isArchived = async (name: string) => {
    const found = await west.getObject({ kind: 'model', path: [name, '1'] })
    return (found?.body.properties as { isArchived?: boolean } | undefined)?.isArchived === true
  }
  try {
    for (const name of ['one', 'two']) {
      await morePasses(2)
      await east.deleteObject({ kind: 'model', path: [name, '1'] }, { epoch: 1 })
      await morePasses(3)
      expect(await isArchived(name)).toBe(false)
      now += reconcileEveryMs
      await expect.poll(() => isArchived(name), { timeout: 20_000 }).toBe(true)
    }
    expect(passes.every(({ outcome }) => outcome === 'complete')).toBe(true)
  } finally {
    stop.abort()
    await running
  }
})
