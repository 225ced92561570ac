import { stripVTControlCharacters } from 'node:util'
import { colours as pc } from '../colours.ts'

/** The part of a terminal or pipe that the screen needs. */
export interface ScreenStream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

const margin = '   '

/**
 * What the demo shows: numbered chapters, the command behind each, and in a terminal one line that
 * moves while work runs. In a pipe the same lines, whole and plain.
 */
export class Screen {
  readonly #started = performance.now()
  readonly #stream: ScreenStream
  #chapter = 0
  #moving = false

  constructor(stream: ScreenStream) {
    this.#stream = stream
  }

  get isTerminal(): boolean {
    return this.#stream.isTTY === true
  }

  chapter(title: string): void {
    this.#settle()
    this.#chapter += 1
    const clock = pc.dim(`${this.seconds().toFixed(1)} s`)
    this.#stream.write(`\n${pc.bold(`${this.#chapter}  ${title}`)}  ${clock}\n`)
  }

  headline(title: string): void {
    this.#settle()
    this.#stream.write(`\n${pc.bold(title)}\n`)
  }

  /** A command as it runs; long ARM ids are shortened for the eye. */
  command(words: readonly string[]): void {
    const lines = wrapWords(withValues(words.map(shellWord)), this.#width() - 4, ' \\')
    this.#write(lines.map((line, i) => pc.cyan(`${i === 0 ? '$ ' : '    '}${line}`)))
  }

  /** What is remarkable in it is coloured by the caller. */
  line(text: string, mark = ''): void {
    const hang = ' '.repeat(stripVTControlCharacters(mark).length)
    const lines = text
      .split('\n')
      .flatMap((part) => wrapWords(part.split(/(?<=\S) (?=\S)/), this.#width() - hang.length))
    this.#write(lines.map((line, i) => `${i === 0 ? mark : hang}${line}`))
  }

  /** What a command said meanwhile: its marks stay marks, what is still under way moves. */
  said(text: string): void {
    const plain = stripVTControlCharacters(text)
    // Marks may be coloured.
    const mark = /^[✔✖…?-] /u.test(plain) ? text.slice(0, text.indexOf(' ') + 1) : ''
    const rest = text.slice(mark.length)
    if (plain.startsWith('…') && this.isTerminal) this.progress(plain)
    else this.line(rest, mark)
  }

  good(text: string): void {
    this.line(text, `${pc.green('✔')} `)
  }

  bad(text: string): void {
    this.line(text, `${pc.red('✖')} `)
  }

  quiet(text: string): void {
    this.line(pc.dim(text))
  }

  /** Replaces the moving line in a terminal; a pipe sees only what stays. */
  progress(text: string): void {
    if (!this.isTerminal) return
    this.#stream.write(`\r\x1b[2K${margin}${pc.dim(text.slice(0, this.#width()))}`)
    this.#moving = true
  }

  seconds(): number {
    return (performance.now() - this.#started) / 1000
  }

  /** Takes the moving line away. */
  end(): void {
    this.#settle()
  }

  #write(lines: readonly string[]): void {
    this.#settle()
    this.#stream.write(lines.map((line) => `${margin}${line}\n`).join(''))
  }

  #settle(): void {
    if (this.#moving) this.#stream.write('\r\x1b[2K')
    this.#moving = false
  }

  #width(): number {
    if (!this.isTerminal) return Number.POSITIVE_INFINITY
    return Math.max(40, this.#stream.columns || 80) - margin.length - 1
  }
}

/** Fills lines with words; `more` ends every line but the last. Colours take no room. */
function wrapWords(words: readonly string[], width: number, more = ''): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of words) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line !== '' && stripVTControlCharacters(longer).length > width - more.length) {
      lines.push(`${line}${more}`)
      line = word
    } else line = longer
  }
  return [...lines, line]
}

/** An option stays on one line with its value. */
function withValues(words: readonly string[]): string[] {
  const units: string[] = []
  for (const word of words) {
    const last = units.at(-1)
    if (last !== undefined && /^--\S+$/.test(last) && !word.startsWith('-'))
      units.splice(-1, 1, `${last} ${word}`)
    else units.push(word)
  }
  return units
}

function shellWord(word: string): string {
  const short = word.replace(/\/subscriptions\/.*\/(workspaces\/[^/]+)/, '/subscriptions/…/$1')
  return /[\s*"'$]/.test(short) ? `'${short}'` : short
}
