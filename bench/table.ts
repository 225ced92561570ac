import Table from 'cli-table3'
import { type Figure, isMet } from './bench.ts'

/** The figures of one bench, side by side with what they have to reach and what was beside them. */
export function figureTable(bench: string, figures: readonly Figure[]): string {
  const table = new Table({
    head: [bench, 'measured', 'to reach', '', 'beside', 'ratio'],
    colAligns: ['left', 'right', 'right', 'left', 'left', 'right'],
    style: { head: [], border: [] },
  })
  for (const figure of figures) {
    const { what, value, unit, beside } = figure
    table.push([
      what,
      shown(value, unit),
      limitOf(figure),
      limitOf(figure) === '' ? '' : isMet(figure) ? 'met' : 'MISSED',
      beside ? `${beside.what}: ${shown(beside.value, unit)}` : '',
      beside ? `${(value / beside.value).toFixed(2)}x` : '',
    ])
  }
  return table.toString()
}

function limitOf({ atMost, atLeast, unit }: Figure): string {
  if (atMost !== undefined) return `<= ${shown(atMost, unit)}`
  return atLeast === undefined ? '' : `>= ${shown(atLeast, unit)}`
}

const shown = (value: number, unit: string) =>
  `${value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)} ${unit}`
