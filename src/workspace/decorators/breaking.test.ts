import { describe, expect, it } from 'vitest'
import { memoryWorkspace } from '../memory/memory-workspace.ts'
import { breaking } from './breaking.ts'
import { faulty } from './faulty.ts'
import { retrying } from './retrying.ts'

function broken(failures: number) {
  let now = 0
  const region = faulty(memoryWorkspace())
  const workspace = breaking(region, { failures, openMs: 1000, now: () => now })
  const advance = (ms: number) => {
    now += ms
  }
  return { region, workspace, advance }
}

const codeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'none',
    (error: { code: string }) => error.code,
  )

describe('a breaking workspace', () => {
  it('leaves a region alone after so many failures in a row, and says why', async () => {
    const { region, workspace } = broken(3)
    region.disconnect()
    for (let i = 0; i < 3; i += 1)
      expect(await codeOf(workspace.listRuns())).toBe('workspace.unreachable')
    const asked = region.hits()
    await expect(workspace.listRuns()).rejects.toMatchObject({
      code: 'workspace.circuit-open',
      cause: { code: 'workspace.unreachable' },
      retryAfterMs: 1000,
    })
    expect(region.hits()).toBe(asked)
  })

  it('counts failures in a row: a success between them starts anew', async () => {
    const { region, workspace } = broken(3)
    for (let i = 0; i < 5; i += 1) {
      region.throttle(2, 0)
      for (let j = 0; j < 2; j += 1)
        expect(await codeOf(workspace.listRuns())).toBe('workspace.throttled')
      expect(await codeOf(workspace.listRuns())).toBe('none')
    }
  })

  it('lets one call try when its time is over, and opens anew when that fails', async () => {
    const { region, workspace, advance } = broken(1)
    const heal = region.disconnect()
    await codeOf(workspace.listRuns())
    advance(1000)
    const both = await Promise.all([codeOf(workspace.listRuns()), codeOf(workspace.listRuns())])
    expect(both).toEqual(['workspace.unreachable', 'workspace.circuit-open'])
    expect(await codeOf(workspace.listRuns())).toBe('workspace.circuit-open')
    heal()
    advance(1000)
    expect(await codeOf(workspace.listRuns())).toBe('none')
    expect(await codeOf(workspace.listRuns())).toBe('none')
  })

  it('lets the next one try when the one that tried was cancelled', async () => {
    const { region, workspace, advance } = broken(1)
    const heal = region.disconnect()
    await codeOf(workspace.listRuns())
    advance(1000)
    heal()
    expect(await codeOf(workspace.listRuns({ signal: AbortSignal.abort() }))).toBe('cancelled')
    expect(await codeOf(workspace.listRuns())).toBe('none')
  })

  it('is not waited for by retries', async () => {
    const { region, workspace } = broken(2)
    region.disconnect()
    const patient = retrying(workspace, { attempts: 9, sleep: async () => undefined })
    expect(await codeOf(patient.listRuns())).toBe('workspace.circuit-open')
    expect(region.hits()).toBe(2)
  })
})
