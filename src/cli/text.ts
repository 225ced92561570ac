import { stripVTControlCharacters } from 'node:util'
import Table from 'cli-table3'

/** `850 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return two(Math.floor(seconds / 60), 'min', seconds % 60, 's')
  const minutes = Math.round(seconds / 60)
  if (minutes < 1440) return two(Math.floor(minutes / 60), 'h', minutes % 60, 'min')
  const hours = Math.round(minutes / 60)
  return two(Math.floor(hours / 24), 'd', hours % 24, 'h')
}

function two(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${big} ${bigUnit}` : `${big} ${bigUnit} ${small} ${smallUnit}`
}

/** Decimal units, as disks and Azure's bill count. */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  const units = ['kB', 'MB', 'GB', 'TB', 'PB']
  let value = bytes
  let unit = ''
  for (const next of units) {
    if (value < 999.5) break
    value /= 1000
    unit = next
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${unit}`
}

export function countText(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

/** Columns that people's screens have; unlimited where a program reads, so that nothing is cut. */
export function screenWidth(): number {
  return process.stdout.isTTY ? process.stdout.columns || 80 : Number.POSITIVE_INFINITY
}

export interface TableOptions {
  /** Columns of the screen. */
  readonly width?: number
  /** Titles of columns that are left out where room is short, the least important first. */
  readonly drop?: readonly string[]
}

const gap = 2
/** A column is not cut below this as long as another one can be left out. */
const comfortable = 20
const narrowest = 8

/** A table without lines, one line for each row: what does not fit is left out or ends in `…`. */
export function tableText(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { width = screenWidth(), drop = [] }: TableOptions = {},
): string {
  const natural = head.map((title, i) => Math.max(...[title, ...rows.map(cellAt(i))].map(length)))
  const shown = columnsFor(head, natural, { width, drop })
  const widths = fit(
    shown.map((i) => (natural[i] ?? 0) + gap),
    // The gap behind the last column is not written.
    width + gap,
  )
  const table = new Table({
    head: shown.map((i, at) => cut(head[i] ?? '', (widths[at] ?? 0) - gap)),
    colWidths: widths,
    chars: Object.fromEntries(borders.map((name) => [name, ''])),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': gap },
  })
  for (const row of rows)
    table.push(shown.map((i, at) => cut(cellAt(i)(row), (widths[at] ?? 0) - gap)))
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

const cellAt = (i: number) => (row: readonly string[]) => (row[i] ?? '').replace(/\s*\n\s*/g, ' ')

const borders = [
  ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left'],
  ...['bottom-right', 'left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'],
]

/** First those that may go while others would be cut short, then from the right whatever has no room. */
function columnsFor(
  head: readonly string[],
  natural: readonly number[],
  { width, drop }: Required<TableOptions>,
): number[] {
  let shown = head.map((_title, i) => i)
  const needs = (least: number) =>
    shown.reduce((sum, i) => sum + Math.min(natural[i] ?? 0, least) + gap, -gap)
  for (const title of drop) {
    if (needs(comfortable) <= width) break
    shown = shown.filter((i) => head[i] !== title)
  }
  while (shown.length > 1 && needs(narrowest) > width) shown.pop()
  return shown
}

/** A sentence loses its end; a name its middle, because its end tells versions apart. */
export function cut(text: string, width: number): string {
  if (length(text) <= width) return text
  // A colour would have to be closed where it is cut; the words are what matters.
  const plain = stripVTControlCharacters(text)
  const room = Math.max(0, width - 1)
  if (/\s/.test(plain)) return `${plain.slice(0, room).trimEnd()}…`
  const tail = Math.floor(room / 2)
  return `${plain.slice(0, room - tail)}…${plain.slice(plain.length - tail)}`
}

/** Colours take no room. */
const length = (text: string): number => stripVTControlCharacters(text).length

/** The widest columns give way. */
function fit(natural: readonly number[], width: number): number[] {
  const widths = [...natural]
  for (;;) {
    const excess = widths.reduce((sum, each) => sum + each, 0) - width
    const widest = Math.max(...widths)
    if (excess <= 0 || widest <= 1) return widths
    const second = Math.max(1, ...widths.filter((each) => each < widest))
    const at = widths.indexOf(widest)
    widths[at] = Math.max(widest - excess, Math.min(second, widest - 1), 1)
  }
}
