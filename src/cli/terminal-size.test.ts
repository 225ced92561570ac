import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { buildBundle } from './testing/run-cli.ts'
import { type ScriptedController, startScriptedController } from './testing/scripted-controller.ts'
import { missingPrograms } from './testing/terminal.ts'

const bundle = resolve(import.meta.dirname, '..', '..', 'dist', 'holdfast.js')
const missing = missingPrograms('A TERMINAL THAT DOES NOT KNOW ITS SIZE', ['python3'])
/** A terminal as Python makes it has no columns and no rows. */
const sizeless = 'import pty, sys; pty.spawn(sys.argv[1:])'
let dir: string
let controller: ScriptedController

beforeAll(buildBundle, 120_000)
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-size-'))
  controller = await startScriptedController({ stateDir: join(dir, '.holdfast') })
})
afterEach(async () => {
  await controller.close()
  rmSync(dir, { recursive: true, force: true })
})

describe.skipIf(missing.length > 0)('a terminal that does not know its size', () => {
  it('is asked as one of 80 columns', async () => {
    const words = ['-c', sizeless, process.execPath, bundle, 'failover']
    const env = { ...process.env, NO_COLOR: '1', CI: '', TERM: 'xterm-256color' }
    const child = spawn('python3', words, { cwd: dir, env })
    const ended = new Promise((done) => child.once('close', done))
    let seen = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      seen += text
    })
    try {
      const shown = () => stripVTControlCharacters(seen)
      await expect.poll(shown, { timeout: 30_000 }).toMatch(/Fail over fraud from east to west/)
    } finally {
      child.stdin.end('n')
      child.kill()
    }
    await ended
  }, 60_000)
})
