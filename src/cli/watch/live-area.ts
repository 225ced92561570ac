import { stripVTControlCharacters } from 'node:util'
import { clearBelow, clearRestOfLine, up, wholePicture } from './control-sequences.ts'

/** The last lines of a terminal, drawn over and over; what stood above them stays. */
export interface LiveArea {
  readonly columns: number
  readonly rows: number
  draw(lines: readonly string[]): void
  /** Leaves these lines above the area for good. */
  leave(lines: readonly string[]): void
}

/** Lines must be narrower than the terminal and fewer than its rows. */
export function openLiveArea(stream: NodeJS.WriteStream): LiveArea {
  let shown: readonly string[] = []
  const columns = () => stream.columns || 80
  /** A terminal that became narrower has wrapped what stands there. */
  const rowsOf = (line: string) =>
    Math.max(1, Math.ceil(stripVTControlCharacters(line).length / columns()))
  const backToTop = () => {
    const rows = shown.reduce((sum, line) => sum + rowsOf(line), 0)
    return `\r${up(rows - 1)}`
  }
  const write = (lines: readonly string[], ending: string) => {
    const text = lines.map((line) => `${line}${clearRestOfLine}`).join('\r\n')
    stream.write(
      `${wholePicture.begin}${backToTop()}${text}${ending}${clearBelow}${wholePicture.end}`,
    )
  }
  return {
    get columns() {
      return columns()
    },
    get rows() {
      return stream.rows || 24
    },
    draw: (lines) => {
      write(lines, '')
      shown = lines
    },
    leave: (lines) => {
      write(lines, lines.length > 0 ? '\r\n' : '')
      shown = []
    },
  }
}
