import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { buildBundle } from '../testing/run-cli.ts'
import {
  doneSteps,
  group,
  type ScriptedController,
  startScriptedController,
} from '../testing/scripted-controller.ts'
import { missingPrograms, openTerminal, type Terminal } from '../testing/terminal.ts'

const bundle = resolve(import.meta.dirname, '..', '..', '..', 'dist', 'holdfast.js')
const missing = missingPrograms('STATUS --WATCH IN A REAL TERMINAL', ['tmux'])
let dir: string
let controller: ScriptedController
let terminal: Terminal

beforeAll(buildBundle, 120_000)
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-watch-'))
  await serve()
  if (missing.length > 0) return
  terminal = openTerminal(`'${process.execPath}' '${bundle}' status --watch`, {
    ...{ cwd: dir, columns: 80, rows: 24, env: { NO_COLOR: '1' } },
  })
})
afterEach(async () => {
  terminal?.close()
  await controller.close()
  rmSync(dir, { recursive: true, force: true })
})

async function serve(): Promise<void> {
  controller = await startScriptedController({ stateDir: join(dir, '.holdfast') })
}

describe.skipIf(missing.length > 0)('status --watch in a terminal', () => {
  it('follows an operation step by step, fits, and ends at q with the old screen back', async () => {
    const first = await terminal.shows('effective primary east')
    expect(first.split('\n').at(-1)).toBe('q quit  f failover preview  ? help')
    terminal.press('f')
    await terminal.shows('Nothing was changed. Do it: holdfast failover')
    terminal.press('Escape')
    await terminal.shows('effective primary east')
    // The preview is the operation of this controller; from here on it runs.
    controller.advance({ dryRun: false, status: 'running' })
    await terminal.shows('… Do the first thing')
    controller.advance({ steps: doneSteps })
    await terminal.shows('✔ Do the first thing (2.0 s) It stands.')
    terminal.resize(50, 12)
    await terminal.shows(/^q quit {2}f failover preview {2}\? help {2}↓ \d+ more lines$/m)
    terminal.press('?')
    await terminal.shows('what is under way goes on')
    terminal.press('q')
    await expect.poll(() => terminal.isOver(), { timeout: 30_000 }).toBe(true)
    expect(terminal.screen()).not.toContain('effective primary')
  }, 120_000)

  it('says when the controller is gone, and goes on when it is back at another address', async () => {
    await terminal.shows('effective primary east')
    const { url } = controller
    await controller.close()
    const lost = await terminal.shows('what is true now is unknown')
    expect(lost).toContain('The controller has not answered for')
    expect(lost).toContain(`${group.group}  epoch 4`)
    await serve()
    expect(controller.url).not.toBe(url)
    await expect.poll(() => terminal.screen(), { timeout: 60_000 }).not.toContain('not answered')
    expect(terminal.screen()).toContain('effective primary east')
  }, 180_000)
})
