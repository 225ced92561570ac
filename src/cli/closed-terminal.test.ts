import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { buildBundle, startCli } from './testing/run-cli.ts'
import { type ScriptedController, startScriptedController } from './testing/scripted-controller.ts'
import { missingPrograms, openTerminal, tellingItsEnd } from './testing/terminal.ts'

const bundle = resolve(import.meta.dirname, '..', '..', 'dist', 'holdfast.js')
const missing = missingPrograms('COMMANDS WHOSE TERMINAL IS CLOSED', ['tmux'])
let dir: string
let controller: ScriptedController

beforeAll(buildBundle, 120_000)
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-closed-'))
  controller = await startScriptedController({ stateDir: join(dir, '.holdfast') })
})
afterEach(async () => {
  await controller.close()
  rmSync(dir, { recursive: true, force: true })
})

describe.skipIf(missing.length > 0)('a terminal that is closed', () => {
  const endOf = async (words: string, shown: string): Promise<string> => {
    const told = join(dir, 'code')
    const command = tellingItsEnd(`'${process.execPath}' '${bundle}' ${words}`, told)
    const terminal = openTerminal(command, { cwd: dir, env: { NO_COLOR: '1', CI: '' } })
    try {
      await terminal.shows(shown)
    } finally {
      terminal.close()
    }
    await expect.poll(() => readIfThere(told), { timeout: 30_000 }).toMatch(/^ended \d+\n$/)
    return readFileSync(told, 'utf8').trim()
  }

  it('ends what follows an operation; the operation goes on', async () => {
    expect(await endOf('failover --yes', 'Ctrl-C leaves it')).toBe('ended 129')
    expect(controller.started).toHaveLength(1)
    expect(controller.cancelled).toEqual([])
  }, 120_000)

  it('is no answer to a question', async () => {
    expect(await endOf('failover', 'Yes')).toBe('ended 129')
    expect(controller.started).toEqual([expect.objectContaining({ request: dryRun })])
  }, 120_000)

  it('ends what watches', async () => {
    expect(await endOf('status --watch', 'q quit')).toBe('ended 129')
  }, 120_000)
})

it('a hang-up that is told twice is one', async () => {
  const cli = startCli(['sync'], { cwd: dir })
  await expect.poll(() => controller.started.length, { timeout: 30_000 }).toBe(1)
  cli.child.kill('SIGHUP')
  cli.child.kill('SIGHUP')
  const { code, stdout } = await cli.ended
  expect(code).toBe(129)
  expect(stdout).toContain('goes on in the controller')
}, 60_000)

const dryRun = expect.objectContaining({ dryRun: true })

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
