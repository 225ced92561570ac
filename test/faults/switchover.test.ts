import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { collect } from '../../src/workspace/pages.ts'
import type { Workspace } from '../../src/workspace/workspace.ts'
import {
  createProtectedPair,
  type ProtectedPair,
  type RegionPair,
  startRegionPair,
} from './protected-pair.ts'

/** There and back again on purpose, while somebody keeps writing: nothing is lost on either way. */
describe('switchover and failback with a writer, on real regions', () => {
  let folder: string
  let pair: RegionPair
  let group: ProtectedPair
  let written = 0

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-switch-'))
    pair = await startRegionPair(folder)
    group = await createProtectedPair(pair, 'planned')
    expect((await holdfast('sync')).code).toBe(0)
  }, 120_000)

  afterAll(async () => {
    await group?.stopGateway()
    await pair?.processes.stopAll()
    rmSync(folder, { recursive: true, force: true })
  })

  const holdfast = (command: string, ...more: string[]) =>
    pair.processes.run([
      ...[command, '--json', '--plan', group.planFile, '--state', group.stateDir],
      ...more,
    ])

  /** Writes runs at a member until the work ends, and then what nobody has copied yet. */
  async function whileWriting<T>(open: () => Promise<Workspace>, work: Promise<T>): Promise<T> {
    const workspace = await open()
    let over = false
    const done = work.finally(() => {
      over = true
    })
    while (!over) {
      const runId = `written-${written++}`
      await workspace.putRuns(
        'writers',
        [
          {
            ...{ runId, experimentName: 'writers', status: 'Completed', modifiedAt: '' },
            body: { runId, displayName: runId },
          },
        ],
        { epoch: 1 },
      )
      // As fast as a person's notebook, not as fast as a loop.
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    await workspace.close()
    return done
  }

  const missingAt = async (open: () => Promise<Workspace>) => {
    const workspace = await open()
    const missing: string[] = []
    for (let n = 0; n < written; n += 1) {
      if ((await workspace.getRun(`written-${n}`)) === undefined) missing.push(`written-${n}`)
    }
    await workspace.close()
    return missing
  }

  const schedulesAt = async (open: () => Promise<Workspace>) => {
    const workspace = await open()
    const found = await collect((page) => workspace.listObjects('schedule', page))
    await workspace.close()
    return found.map(({ body }) => (body.properties as { readonly isEnabled?: boolean }).isEnabled)
  }

  it('moves there, and back to where the plan starts', async () => {
    const on = await schedulesAt(group.openEast)
    expect(on).toContain(true)
    const off = on.map(() => false)
    const there = await whileWriting(group.openEast, holdfast('switchover', '--yes'))
    expect(there.code, there.stderr).toBe(0)
    const status = JSON.parse((await holdfast('status')).stdout).groups[0]
    expect(status).toMatchObject({ effectivePrimary: 'west', epoch: 2, protection: 'reversed' })
    expect(JSON.parse(readFileSync(group.config, 'utf8'))).toMatchObject({
      holdfast: { member: 'west', epoch: 2 },
    })
    expect([await schedulesAt(group.openEast), await schedulesAt(group.openWest)]).toEqual([
      off,
      on,
    ])
    const back = await holdfast('failback', '--yes')
    expect(back.code, back.stderr).toBe(0)
    expect([await schedulesAt(group.openEast), await schedulesAt(group.openWest)]).toEqual([
      on,
      off,
    ])
    expect(JSON.parse((await holdfast('status')).stdout).groups[0]).toMatchObject({
      effectivePrimary: 'east',
      epoch: 3,
      protection: 'protected',
    })
    expect(await missingAt(group.openEast)).toEqual([])
    expect(written).toBeGreaterThan(0)
  }, 300_000)

  it('will not fail back from where the plan starts', async () => {
    const { code, stdout } = await holdfast('failback', '--yes')
    expect([code, JSON.parse(stdout).error.code]).toEqual([4, 'failback.at-home'])
  }, 60_000)
})
