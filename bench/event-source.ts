import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { GroupStatus } from '../src/api/contract.ts'
import { startScriptedController } from '../src/cli/testing/scripted-controller.ts'
import { createEventBus } from '../src/controller/event-bus.ts'

/**
 * The controller's own server and stream of events in a process of its own, publishing a status of a
 * usual size at a steady rate: `node event-source.ts EVENTS-A-SECOND` prints where it is served.
 */
const rate = Number(process.argv[2])
const folder = mkdtempSync(join(tmpdir(), 'holdfast-event-source-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
process.stdin.resume().on('end', () => process.exit(0))
const events = createEventBus({ runId: 'bench' })
const { url, token } = await startScriptedController({ stateDir: folder, service: { events } })
process.stdout.write(`${JSON.stringify({ url, token, pid: process.pid })}\n`)

const filler = 'e'.repeat(6000)
setInterval(() => {
  const now = new Date().toISOString()
  const groups: GroupStatus[] = []
  events.publish({ type: 'status', at: now, data: { version: filler, now, groups } })
}, 1000 / rate)
