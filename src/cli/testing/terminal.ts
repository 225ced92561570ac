import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'

/** On a machine with much else to do. */
const patienceMs = 60_000

/** A real terminal of a fixed size, with a program in it. */
export interface Terminal {
  /** Names of keys as tmux has them (`Tab`, `Enter`, `C-c`), or text. */
  press(...keys: string[]): void
  type(text: string): void
  /** What the screen shows now, without trailing space. */
  screen(): string
  resize(columns: number, rows: number): void
  /** Waits until the screen holds the text or matches. */
  shows(text: string | RegExp): Promise<string>
  isOver(): boolean
  close(): void
}

export const isInstalled = (program: string): boolean =>
  spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0

/** Says loudly what is not tested because a program is missing. */
export function missingPrograms(what: string, programs: readonly string[]): readonly string[] {
  const missing = programs.filter((program) => !isInstalled(program))
  if (missing.length > 0)
    process.stderr.write(`\nSKIPPED: ${what}: NOT INSTALLED: ${missing.join(', ')}\n\n`)
  return missing
}

/**
 * The command in a shell as people have it: that outlives its terminal, passes on that it was closed,
 * and writes the exit code into the file.
 */
export function tellingItsEnd(command: string, file: string): string {
  const script = `${file}.sh`
  const lines = [
    'exec 3<&0',
    `${command} <&3 &`,
    'pid=$!',
    'trap "kill -HUP $pid" HUP',
    'while kill -0 $pid; do wait $pid; code=$?; done',
    `echo "ended $code" >'${file}'`,
  ]
  writeFileSync(script, lines.join('\n'))
  return `exec sh '${script}'`
}

export function openTerminal(
  command: string,
  options: { cwd: string; columns?: number; rows?: number; env?: Readonly<Record<string, string>> },
): Terminal {
  const { cwd, columns = 80, rows = 24, env = {} } = options
  // A server of its own: another terminal of this machine is none of our business.
  const socket = `holdfast-${randomUUID()}`
  const tmux = (...args: string[]) =>
    spawnSync('tmux', ['-L', socket, '-f', '/dev/null', ...args], {
      encoding: 'utf8',
      // The program inherits it from the server that the first call starts.
      env: { ...process.env, LC_ALL: 'C.UTF-8', TERM: 'xterm-256color', ...env },
    })
  const size = ['-x', String(columns), '-y', String(rows)]
  const started = tmux('new-session', '-d', '-s', 'it', ...size, '-c', cwd, command)
  expect(started.status, started.stderr).toBe(0)
  tmux('set-option', '-t', 'it', 'status', 'off')
  tmux('set-option', '-t', 'it', 'remain-on-exit', 'on')
  const screen = () => tmux('capture-pane', '-p', '-t', 'it').stdout.trimEnd()
  return {
    press: (...keys) => void tmux('send-keys', '-t', 'it', ...keys),
    type: (text) => void tmux('send-keys', '-t', 'it', '-l', text),
    screen,
    resize: (x, y) => void tmux('resize-window', '-t', 'it', '-x', String(x), '-y', String(y)),
    shows: async (text) => {
      const giveUpAt = Date.now() + patienceMs
      for (;;) {
        const shown = screen()
        if (typeof text === 'string' ? shown.includes(text) : text.test(shown)) return shown
        if (Date.now() > giveUpAt) throw new Error(`never showed ${text}, but:\n${shown}`)
        await delay(100)
      }
    },
    isOver: () => tmux('display-message', '-p', '-t', 'it', '#{pane_dead}').stdout.trim() === '1',
    close: () => void tmux('kill-server'),
  }
}
