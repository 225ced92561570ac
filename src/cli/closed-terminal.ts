import { closeSync, openSync } from 'node:fs'
import { devNull } from 'node:os'
import { isatty, type ReadStream } from 'node:tty'
import { exitCodes } from './exit-codes.ts'
import { isHungUp } from './stop-signals.ts'

/**
 * At its end Node sets every terminal back to how it found it, and Node 20 crashes when that fails
 * because the terminal has been closed. So nothing of such a terminal is left to it.
 */
export function outliveTerminal(): void {
  const terminals = [0, 1, 2].filter((fd) => isatty(fd))
  if (terminals.includes(0)) outliveKeyboard(process.stdin)
  process.on('exit', () => {
    const closed = terminals.filter((fd) => !isatty(fd))
    for (const fd of closed) replaceWithNothing(fd)
    const isClosed = closed.length > 0 || isHungUp()
    if (isClosed && process.exitCode === exitCodes.interrupted) process.exitCode = exitCodes.hungUp
  })
}

/** Whoever reads it sees its end; prompts would fail in setting back what is gone. */
function outliveKeyboard(keyboard: ReadStream): void {
  const setRawMode = keyboard.setRawMode.bind(keyboard)
  keyboard.setRawMode = (isRaw) => (isatty(0) ? setRawMode(isRaw) : keyboard)
  keyboard.on('error', throwUnlessHungUp)
}

function throwUnlessHungUp(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EIO') throw error
}

function replaceWithNothing(fd: number): void {
  closeSync(fd)
  // Takes the number that was just given back.
  openSync(devNull, 'r+')
}
