import { describe, expect, it } from 'vitest'
import { HoldfastError } from '../../model/errors.ts'
import { memoryWorkspace } from '../memory/memory-workspace.ts'
import type { Workspace } from '../workspace.ts'
import { interceptWorkspace, type WorkspaceCall } from './intercept.ts'
import { limited } from './limited.ts'

interface Pending {
  readonly call: WorkspaceCall
  readonly succeed: () => void
  readonly throttle: (retryAfterMs?: number) => void
}

/** A workspace whose calls end when the test says so, under a clock that it moves. */
function steered(options: { readonly max: number }) {
  const pending: Pending[] = []
  const alarms: { readonly at: number; readonly wake: () => void }[] = []
  let now = 0
  const held = interceptWorkspace(
    memoryWorkspace(),
    (call) =>
      new Promise((resolve, reject) => {
        const end = (settle: () => void) => () => {
          pending.splice(
            pending.findIndex((one) => one.call === call),
            1,
          )
          settle()
        }
        pending.push({
          call,
          succeed: end(() => resolve(undefined)),
          throttle: (retryAfterMs) => end(() => reject(throttled(retryAfterMs)))(),
        })
      }),
  )
  const workspace = limited(held, {
    ...options,
    now: () => now,
    after: (ms, wake) => void alarms.push({ at: now + ms, wake }),
  })
  const advance = async (ms: number) => {
    now += ms
    for (const alarm of alarms.filter(({ at }) => at <= now)) {
      alarms.splice(alarms.indexOf(alarm), 1)
      alarm.wake()
    }
    await settled()
  }
  return { workspace, pending, advance }
}

const throttled = (retryAfterMs?: number) =>
  new HoldfastError('workspace.throttled', 'slow down', {
    kind: 'transient',
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })

/** All microtasks that are due have run. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

const ask = async (workspace: Workspace, times: number) => {
  for (let i = 0; i < times; i += 1)
    workspace.getObject({ kind: 'model', path: ['m', String(i)] }).catch(() => undefined)
  await settled()
}

describe('a limited workspace', () => {
  it('halves the calls in flight once for all that were under way when it was throttled', async () => {
    const { workspace, pending } = steered({ max: 8 })
    await ask(workspace, 20)
    expect(pending).toHaveLength(8)
    for (const one of [...pending]) one.throttle()
    await settled()
    expect(pending).toHaveLength(4)
    for (const one of [...pending]) one.throttle()
    await settled()
    expect(pending).toHaveLength(2)
  })

  it('raises them again by one for as many successes as are in flight', async () => {
    const { workspace, pending } = steered({ max: 8 })
    await ask(workspace, 60)
    for (const one of [...pending]) one.throttle()
    await settled()
    for (let rounds = 0; rounds < 6; rounds += 1) {
      for (const one of [...pending]) one.succeed()
      await settled()
    }
    expect(pending).toHaveLength(8)
  })

  it('admits nobody before the time that the service asked for', async () => {
    const { workspace, pending, advance } = steered({ max: 4 })
    await ask(workspace, 10)
    pending[0]?.throttle(30_000)
    for (const one of [...pending]) one.succeed()
    await settled()
    expect(pending).toHaveLength(0)
    await advance(29_999)
    expect(pending).toHaveLength(0)
    await advance(1)
    expect(pending.length).toBeGreaterThan(0)
  })

  it('keeps a budget for each service: throttled metrics do not hold back the blobs', async () => {
    const { workspace, pending } = steered({ max: 2 })
    workspace.readMetrics('r').catch(() => undefined)
    await settled()
    pending[0]?.throttle(60_000)
    await settled()
    workspace.readMetrics('r').catch(() => undefined)
    workspace.getBlob('workspaceblobstore', 'b').catch(() => undefined)
    workspace.listRuns().catch(() => undefined)
    await settled()
    expect(pending.map(({ call }) => call.operation)).toEqual(['getBlob', 'listRuns'])
  })

  it('lets a caller that waits go when it is cancelled', async () => {
    const { workspace, pending } = steered({ max: 1 })
    await ask(workspace, 1)
    const abort = new AbortController()
    const waits = workspace.getObject({ kind: 'model', path: ['m', 'x'] }, { signal: abort.signal })
    abort.abort()
    await expect(waits).rejects.toMatchObject({ kind: 'cancelled' })
    expect(pending).toHaveLength(1)
  })
})
