import { mkdtempSync, rmSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Event, Status } from '../src/api/contract.ts'
import { readEventStream } from '../src/api/event-stream.ts'
import {
  type ScriptedController,
  startScriptedController,
} from '../src/cli/testing/scripted-controller.ts'
import { createEventBus } from '../src/controller/event-bus.ts'

const at = '2026-01-01T00:00:00.000Z'
const patient = { timeout: 20_000 }
const status = (version: string): Status => ({ version, now: at, groups: [] })
const eventOf = (version: string): Event => ({ type: 'status', at, data: status(version) })

/** Over real connections: what every reader has to have in the end. */
describe('the stream of events', () => {
  const bus = createEventBus({ runId: 'run' })
  let folder: string
  let controller: ScriptedController
  let readStatus: () => Promise<Status>
  const open: AbortController[] = []

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-events-'))
    readStatus = async () => status('first')
    const service = { events: bus, status: () => readStatus() }
    controller = await startScriptedController({ stateDir: folder, service })
  })
  afterEach(async () => {
    for (const one of open.splice(0)) one.abort()
    await controller.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const headers = (lastId?: string) => ({
    authorization: `Bearer ${controller.token}`,
    ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
  })
  /** Reads on and on; what it has so far. */
  async function read(lastId?: string) {
    const abort = new AbortController()
    open.push(abort)
    const { body } = await fetch(`${controller.url}/api/v1/events`, {
      ...{ headers: headers(lastId), signal: abort.signal },
    })
    if (body === null) throw new Error('a stream has a body')
    const seen: { id: string | undefined; version: string }[] = []
    const reading = async () => {
      for await (const { id, data } of readEventStream(body))
        seen.push({ id, version: (JSON.parse(data) as { data: Status }).data.version })
    }
    reading().catch(() => undefined)
    return seen
  }
  const versions = (seen: readonly { version: string }[]) => seen.map(({ version }) => version)

  it('loses nothing that happens while the first status is read', async () => {
    readStatus = async () => {
      bus.publish(eventOf('meanwhile'))
      return status('first')
    }
    const seen = await read()
    bus.publish(eventOf('after'))
    await expect.poll(() => versions(seen), patient).toEqual(['first', 'meanwhile', 'after'])
  })

  it('goes on after the last event that a reader has, the first status included', async () => {
    const before = await read()
    await expect.poll(() => before.length, patient).toBe(1)
    for (const version of ['one', 'two']) bus.publish(eventOf(version))
    await expect.poll(() => before.length, patient).toBe(3)
    const [first, one, two] = before.map(({ id }) => id)
    const resumed = [await read(first), await read(one), await read(two)]
    bus.publish(eventOf('three'))
    await expect
      .poll(() => resumed.map(versions), patient)
      .toEqual([['one', 'two', 'three'], ['two', 'three'], ['three']])
    const stranger = await read('another-run-1')
    await expect.poll(() => versions(stranger), patient).toEqual(['first'])
  })

  it('cuts off who does not read, keeps nothing for them, and lets them go on later', async () => {
    const others = await read()
    const slow = await new Promise<IncomingMessage>((resolve) =>
      get(`${controller.url}/api/v1/events`, { headers: headers() }, resolve),
    )
    // More than the buffers of any system and ours together; the others follow all the while.
    const published = 150
    const text = 'x'.repeat(200_000)
    for (let i = 1; i <= published; i += 1) {
      bus.publish(eventOf(`${i}:${text}`))
      while (others.length < i + 1) await turn()
    }
    const first: Buffer[] = []
    slow.on('data', (chunk: Buffer) => first.push(chunk))
    // The stream itself never ends.
    await new Promise<void>((resolve) => slow.on('error', () => undefined).on('close', resolve))
    const ids = [
      ...Buffer.concat(first)
        .toString()
        .matchAll(/id: (run-\d+)\n.*\n.*\n\n/g),
    ]
    const resumed = await read(ids.at(-1)?.[1])
    await expect.poll(() => ids.length + resumed.length, patient).toBe(published + 1)
    expect(versions(resumed).at(-1)).toBe(versions(others).at(-1))
  }, 60_000)
})
