import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClient } from '../api/client.ts'
import type { Operation } from '../api/contract.ts'
import { type Connection, runningController } from './connect.ts'
import { endingOf, type FollowOptions, followOperation } from './follow-operation.ts'
import { createOutput } from './output.ts'
import {
  at,
  operationOf,
  type ScriptedController,
  startScriptedController,
} from './testing/scripted-controller.ts'

let stateDir: string
let controller: ScriptedController
beforeEach(async () => {
  stateDir = mkdtempSync(join(tmpdir(), 'holdfast-follow-'))
  controller = await startScriptedController({ stateDir })
})
afterEach(async () => {
  await controller.close()
  rmSync(stateDir, { recursive: true, force: true })
})

const connectionTo = (inProcess: boolean): Connection => ({
  client: createClient(controller),
  stateDir,
  inProcess,
  find: () => runningController(stateDir),
  close: async () => undefined,
})

/** What people read meanwhile goes into `notes`. */
const followNoting = (notes: string[], started: Operation, options: Partial<FollowOptions> = {}) =>
  followOperation(started, {
    connection: connectionTo(false),
    output: { ...createOutput({ json: true }), note: (line) => void notes.push(line) },
    interrupted: new AbortController().signal,
    onChange: () => undefined,
    ...options,
  })

const until = async (isTrue: () => boolean): Promise<void> => {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 5))
}

describe('following an operation', () => {
  it('cancels an operation of its own controller at Ctrl-C and waits for its end', async () => {
    const connection = connectionTo(true)
    const started = await connection.client.start('fraud', 'sync')
    const abort = new AbortController()
    const following = {
      connection,
      output: createOutput({ json: true }),
      interrupted: abort.signal,
      onChange: () => undefined,
    }
    const ended = followOperation(started, following)
    abort.abort()
    await until(() => controller.cancelled.length > 0)
    controller.advance({ status: 'done', outcome: 'cancelled', endedAt: at(3) })
    const operation = await ended
    expect(operation.outcome).toBe('cancelled')
    expect(endingOf(operation, following)).toMatchObject({
      exitCode: 130,
      sentence: expect.stringContaining('cancelled'),
    })
  })

  it('sees every change once, and the end without its event', async () => {
    const connection = connectionTo(false)
    const started = await connection.client.start('fraud', 'sync')
    const seen: Operation['status'][] = []
    const ended = followOperation(started, {
      connection,
      output: createOutput({ json: true }),
      interrupted: new AbortController().signal,
      onChange: ({ status }) => seen.push(status),
    })
    controller.advance({ status: 'accepted' })
    await until(() => seen.length === 2)
    // Without an event: the look every two seconds finds it.
    controller.advanceSilently({ status: 'done', outcome: 'complete' })
    expect((await ended).outcome).toBe('complete')
    expect(seen).toEqual(['running', 'accepted', 'done'])
  })

  it('says that the controller is gone, and goes on with the next one, wherever it listens', async () => {
    const notes: string[] = []
    const ended = followNoting(notes, await connectionTo(false).client.start('fraud', 'sync'))
    await controller.close()
    await expect.poll(() => notes, { timeout: 30_000 }).toHaveLength(1)
    expect(notes[0]).toContain('holdfast status')
    controller = await startScriptedController({ stateDir })
    await connectionTo(false).client.start('fraud', 'sync')
    await expect.poll(() => notes, { timeout: 30_000 }).toHaveLength(2)
    controller.advance({ status: 'done', outcome: 'complete' })
    expect((await ended).outcome).toBe('complete')
  }, 120_000)

  it('gives up a controller that stays away, and knows nothing of the operation (I8)', async () => {
    const notes: string[] = []
    const started = await connectionTo(false).client.start('fraud', 'sync')
    const ended = followNoting(notes, started, { lostAfterMs: 1 })
    const refused = expect(ended).rejects.toMatchObject({
      ...{ code: 'controller.lost', kind: 'unknown-outcome' },
      hint: expect.stringContaining('holdfast controller'),
    })
    await controller.close()
    await refused
    expect(notes).toHaveLength(1)
  }, 60_000)

  it('has an exit code for every way an operation can end', () => {
    const interrupted = new AbortController().signal
    const codeOf = (change: Partial<Operation>) =>
      endingOf(operationOf('sync', change), { connection: connectionTo(false), interrupted })
        .exitCode
    expect(codeOf({ status: 'done', outcome: 'complete' })).toBe(0)
    expect(codeOf({ status: 'done', outcome: 'partial' })).toBe(3)
    expect(codeOf({ status: 'done', outcome: 'cancelled' })).toBe(130)
    expect(codeOf({ status: 'failed', outcome: 'failed' })).toBe(1)
    expect(codeOf({ status: 'unknown' })).toBe(7)
    expect(codeOf({ status: 'paused' })).toBe(7)
    expect(codeOf({ status: 'waiting', waitingFor: 'operator' })).toBe(4)
  })
})
