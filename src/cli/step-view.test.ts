import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { StepState } from '../api/contract.ts'
import { buildBundle } from './testing/run-cli.ts'
import {
  at,
  doneSteps,
  type ScriptedController,
  startScriptedController,
} from './testing/scripted-controller.ts'
import { missingPrograms, openTerminal, type Terminal } from './testing/terminal.ts'

const bundle = resolve(import.meta.dirname, '..', '..', 'dist', 'holdfast.js')
const missing = missingPrograms('STEPS OF A RUNBOOK IN A REAL TERMINAL', ['tmux'])
let dir: string
let controller: ScriptedController
let terminal: Terminal | undefined

beforeAll(buildBundle, 120_000)
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-steps-'))
  controller = await startScriptedController({ stateDir: join(dir, '.holdfast') })
})
afterEach(async () => {
  terminal?.close()
  await controller.close()
  rmSync(dir, { recursive: true, force: true })
})

const open = (env: Readonly<Record<string, string>> = {}): Terminal => {
  const command = `'${process.execPath}' '${bundle}' failover --yes`
  terminal = openTerminal(command, {
    ...{ cwd: dir, columns: 100, rows: 24, env: { NO_COLOR: '1', CI: '', ...env } },
  })
  return terminal
}
const second: StepState = {
  ...{ id: 'two', title: 'Do the second thing', status: 'running', startedAt: at(2) },
  ...{ endedAt: null, detail: null, progress: { done: 3, total: 10, bytes: null } },
}
const times = (text: string, part: string) => text.split(part).length - 1

describe.skipIf(missing.length > 0)('steps in a terminal', () => {
  it('are redrawn in place, whatever the size, and the end stays on the screen', async () => {
    const { shows, resize, isOver, screen } = open()
    await shows(/⠋|⠙|⠹|⠸|⠼|⠴|⠦|⠧|⠇|⠏/)
    controller.advance({ steps: [...doneSteps, second] })
    await shows('3 of 10 objects')
    resize(44, 14)
    controller.advance({ steps: [...doneSteps, { ...second, progress: null }] })
    await expect.poll(screen, { timeout: 30_000 }).not.toContain('3 of 10')
    resize(100, 24)
    await shows('Ctrl-C leaves it to the controller')
    const drawn = await shows(/Do the second thing \(\d/)
    expect(times(drawn, 'Do the second thing')).toBe(1)
    const ended = { ...second, status: 'done', endedAt: at(5), progress: null } as const
    controller.advance({
      ...{ status: 'done', outcome: 'partial', endedAt: at(5), steps: [...doneSteps, ended] },
    })
    await expect.poll(isOver, { timeout: 30_000 }).toBe(true)
    const left = screen()
    expect(times(left, 'east is down for 2 min.')).toBe(1)
    expect(left).toContain('✔ Do the second thing (3.0 s)')
    expect(left).toContain('failover: partial')
    expect(left).not.toContain('Ctrl-C')
  }, 180_000)

  it('leave the operation to the controller at Ctrl-C, and say how to follow it again', async () => {
    const { shows, press, isOver } = open()
    await shows('Ctrl-C leaves it to the controller')
    press('C-c')
    await shows('holdfast status --watch')
    await expect.poll(isOver, { timeout: 30_000 }).toBe(true)
    expect(controller.cancelled).toEqual([])
  }, 120_000)

  it('are plain lines in CI', async () => {
    const { shows, isOver, screen } = open({ CI: 'true' })
    await shows('would be lost')
    // Shown before anything is asked of the controller.
    await expect.poll(() => controller.started.length, { timeout: 30_000 }).toBe(1)
    controller.advance({
      ...{ status: 'done', outcome: 'partial', endedAt: at(2), steps: doneSteps },
    })
    await expect.poll(isOver, { timeout: 30_000 }).toBe(true)
    expect(screen()).toContain('✔ Do the first thing (2.0 s) It stands.')
    expect(screen()).not.toContain('Ctrl-C')
  }, 120_000)
})
