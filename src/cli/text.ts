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

const gap = 2
const narrowest = 8

/** A table without lines. Fits the width: the widest columns give way, their text wraps. */
export function tableText(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width = screenWidth(),
): string {
  const widths = fit(
    head.map(
      (title, i) => gap + Math.max(...[title, ...rows.map((row) => row[i] ?? '')].map(length)),
    ),
    width,
  )
  const table = new Table({
    head: head.map((title, i) => wrap(title, (widths[i] ?? 0) - gap)),
    colWidths: widths,
    chars: Object.fromEntries(borders.map((name) => [name, ''])),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': gap },
  })
  for (const row of rows) table.push(row.map((cell, i) => wrap(cell, (widths[i] ?? 0) - gap)))
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

const borders = [
  ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left'],
  ...['bottom-right', 'left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'],
]

/** At spaces, and inside words that are longer than a line. */
function wrap(cell: string, width: number): string {
  // A colour would have to end and begin again on every line; the words are what matters.
  if (length(cell) <= width) return cell
  const lines: string[] = []
  let line = ''
  for (const word of cell.replaceAll(ansi, '').split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length <= width) {
      line += ` ${word}`
      continue
    }
    if (line !== '') lines.push(line)
    line = word
    while (line.length > width) {
      lines.push(line.slice(0, width))
      line = line.slice(width)
    }
  }
  return [...lines, line].join('\n')
}

function length(text: string): number {
  // Colours take no room.
  return Math.max(...text.split('\n').map((line) => line.replaceAll(ansi, '').length))
}

const ansi = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g')

function fit(natural: readonly number[], width: number): number[] {
  const widths = [...natural]
  for (;;) {
    const excess = widths.reduce((sum, each) => sum + each, 0) - width
    const widest = Math.max(...widths)
    if (excess <= 0 || widest <= narrowest) return widths
    const second = Math.max(narrowest, ...widths.filter((each) => each < widest))
    const at = widths.indexOf(widest)
    widths[at] = Math.max(widest - excess, Math.min(second, widest - 1), narrowest)
  }
}
