import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildBundle, runCli } from '../testing/run-cli.ts'
import { type ScriptedController, startScriptedController } from '../testing/scripted-controller.ts'
import { missingPrograms, openTerminal, type Terminal } from '../testing/terminal.ts'

const bundle = resolve(import.meta.dirname, '..', '..', '..', 'dist', 'holdfast.js')
let dir: string
let controller: ScriptedController

beforeAll(async () => {
  buildBundle()
  dir = mkdtempSync(join(tmpdir(), 'holdfast-completion-'))
  mkdirSync(join(dir, 'bin'))
  const start = `#!/bin/sh\nexec '${process.execPath}' '${bundle}' "$@"\n`
  writeFileSync(join(dir, 'bin', 'holdfast'), start, { mode: 0o755 })
  // Whatever interpreter runs this test is the one that the shells find.
  symlinkSync(process.execPath, join(dir, 'bin', 'node'))
  controller = await startScriptedController({ stateDir: join(dir, '.holdfast') })
}, 120_000)
afterAll(async () => {
  await controller.close()
  rmSync(dir, { recursive: true, force: true })
})

const offered = async (...words: string[]) => {
  const { stdout, stderr, code } = await runCli(['complete', '--', ...words], { cwd: dir })
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
  return stdout.split('\n').flatMap((line) => line.split('\t')[0] || [])
}

describe('what is offered', () => {
  it.each([
    [['stat'], ['status', ':4']],
    [
      ['region', 'fault', 'l'],
      ['list', 'lift', ':4'],
    ],
    [
      ['sync', '--ap'],
      ['--apply', ':4'],
    ],
    [
      ['objects', '--only', 'pro'],
      ['proven', ':4'],
    ],
    [
      ['conflicts', 'resolve', 'model/b/1', '--keep', ''],
      ['east', 'west', 'both', ':4'],
    ],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish', ':4'],
    ],
    [['sync', '--apply', ''], [':0']],
    [
      ['objects', '--kind', ''],
      ['model', ':4'],
    ],
    [
      ['export', './assets', '--member', ''],
      ['east', 'west', ':4'],
    ],
    [
      ['conflicts', 'resolve', 'mo'],
      ['model/b/1', ':4'],
    ],
  ])('%j: %j', async (words, wanted) => {
    expect(await offered(...words)).toEqual(wanted)
  })

  it('is nothing, silently, where no controller runs', async () => {
    expect(await offered('objects', '--state', './nowhere', '--kind', '')).toEqual([':4'])
    expect(await offered('status', '--server', 'http://127.0.0.1:1', '--kind', '')).toEqual([':4'])
  })
})

const shells = {
  bash: { start: 'bash --norc --noprofile -i', load: 'source <(holdfast completion bash)' },
  zsh: {
    start: 'zsh -f -i',
    load: 'autoload -U compinit && compinit -u -D && source <(holdfast completion zsh)',
  },
  fish: { start: 'fish --no-config -i', load: 'holdfast completion fish | source' },
} as const

describe.each(Object.entries(shells))('in %s', (shell, { start, load }) => {
  const missing = missingPrograms(`COMPLETION IN ${shell.toUpperCase()}`, ['tmux', shell])

  it.skipIf(missing.length > 0)(
    'the tabulator completes commands, options and what the controller knows',
    async () => {
      const terminal = openTerminal(start, {
        cwd: dir,
        columns: 120,
        rows: 30,
        env: { PATH: `${join(dir, 'bin')}:${process.env.PATH}`, HOME: dir, NO_COLOR: '1' },
      })
      try {
        await run(terminal, load)
        await completes(terminal, 'holdfast obj', 'holdfast objects')
        await completes(terminal, 'holdfast sync --dry', 'holdfast sync --dry-run')
        await completes(terminal, 'holdfast export x --member ea', '--member east')
        const trap = join(dir, `${shell}-ran`)
        await completes(terminal, `holdfast objects --name $(touch ${trap}) --ki`, '-ran) --kind')
        expect(existsSync(trap)).toBe(false)
      } finally {
        terminal.close()
      }
    },
    120_000,
  )
})

async function run(terminal: Terminal, line: string): Promise<void> {
  terminal.type(`${line}; echo load''ed`)
  terminal.press('Enter')
  await terminal.shows(/^loaded/m)
}

async function completes(terminal: Terminal, line: string, whole: string): Promise<void> {
  terminal.type(line)
  terminal.press('Tab')
  await terminal.shows(whole)
  // Not Ctrl-C: what is typed while a shell handles the signal may be lost.
  terminal.press('C-u')
}
