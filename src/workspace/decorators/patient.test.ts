import { expect, it } from 'vitest'
import { memoryWorkspace } from '../memory/memory-workspace.ts'
import { faulty } from './faulty.ts'
import { interceptWorkspace } from './intercept.ts'
import { patient } from './patient.ts'

function scene(limitMs?: number) {
  let now = 0
  const waits: number[] = []
  const region = faulty(memoryWorkspace())
  const workspace = patient(region, {
    ...(limitMs === undefined ? {} : { limitMs }),
    now: () => now,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted()
      waits.push(ms)
      now += ms
    },
  })
  return { region, workspace, waits }
}

it('waits as long as a busy service asks, however often it does', async () => {
  const { region, workspace, waits } = scene()
  region.throttle(50, 3000)
  await workspace.listRuns()
  expect(waits).toEqual(Array(50).fill(3000))
})

it('gives up at its limit, and at once when the service asks for more', async () => {
  const { region, workspace, waits } = scene(10_000)
  region.throttle(50, 3000)
  await expect(workspace.listRuns()).rejects.toMatchObject({ code: 'workspace.throttled' })
  expect(waits).toEqual([3000, 3000, 3000])
  const other = scene(10_000)
  other.region.throttle(1, 60_000)
  await expect(other.workspace.listRuns()).rejects.toMatchObject({ code: 'workspace.throttled' })
  expect(other.waits).toEqual([])
})

it('waits for no other trouble', async () => {
  const { region, workspace, waits } = scene()
  region.disconnect()
  await expect(workspace.listRuns()).rejects.toMatchObject({ code: 'workspace.unreachable' })
  expect(waits).toEqual([])
})

it('ends its wait when the caller does', async () => {
  const { region, workspace } = scene()
  region.throttle(50, 3000)
  await expect(workspace.listRuns({ signal: AbortSignal.abort() })).rejects.toBeDefined()
})

it('asks again when a probe was refused for being one too many', async () => {
  let asked = 0
  const busy = interceptWorkspace(memoryWorkspace(), async (_call, next) => {
    asked += 1
    const seen = (await next()) as object
    return asked > 2 ? seen : { ...seen, healthy: false, refused: true, throttled: true }
  })
  const waits: number[] = []
  const workspace = patient(busy, { sleep: async (ms) => void waits.push(ms) })
  expect(await workspace.probe('arm')).toMatchObject({ healthy: true })
  expect(waits).toHaveLength(2)
})
