import { emitKeypressEvents } from 'node:readline'
import { clearBelow, clearRestOfLine, fullScreen, home, wholePicture } from './control-sequences.ts'

/** The terminal as one surface that is drawn over and over; whatever stood there comes back at the end. */
export interface FullScreen {
  readonly columns: number
  readonly rows: number
  draw(lines: readonly string[]): void
  close(): void
}

export interface ScreenHandlers {
  onKey(name: string): void
  onResize(): void
  /** Nothing will be typed any more, nor seen. */
  onGone(): void
}

export function openFullScreen(handlers: ScreenHandlers): FullScreen {
  const { stdin, stdout } = process
  let shown = ''
  const onKey = (text: string | undefined, key: { name?: string; ctrl?: boolean }) => {
    // In raw mode the terminal sends Ctrl-C to us instead of a signal.
    if (key.ctrl && key.name === 'c') process.kill(process.pid, 'SIGINT')
    else handlers.onKey(key.name ?? text ?? '')
  }
  const onResize = () => {
    shown = ''
    handlers.onResize()
  }
  // Nothing but its closing ends what is typed in raw mode.
  stdin.on('end', handlers.onGone)
  emitKeypressEvents(stdin)
  stdin.setRawMode(true).on('keypress', onKey).resume()
  stdout.on('resize', onResize)
  stdout.write(fullScreen.enter)
  return {
    get columns() {
      return stdout.columns || 80
    },
    get rows() {
      return stdout.rows || 24
    },
    draw: (lines) => {
      const picture = lines.map((line) => `${line}${clearRestOfLine}`).join('\r\n')
      if (picture === shown) return
      shown = picture
      stdout.write(`${wholePicture.begin}${home}${picture}${clearBelow}${wholePicture.end}`)
    },
    close: () => {
      stdout.off('resize', onResize)
      stdin.off('keypress', onKey).off('end', handlers.onGone).setRawMode(false).pause()
      stdout.write(fullScreen.leave)
    },
  }
}
