import type { Operation, StepState } from '../api/contract.ts'
import { colours } from './colours.ts'
import { markOf, progressText, timeOf } from './show-steps.ts'
import { cut, durationText } from './text.ts'
import { waitingText } from './waiting-text.ts'

export interface StepLinesView {
  readonly columns: number
  readonly rows: number
  readonly now: Date
  /** When a step under way began, by our own clock. */
  readonly beganAt: (step: StepState) => Date
  readonly startedAt: Date
  /** What Ctrl-C does. */
  readonly hint: string
}

/** An operation under way as at most `rows - 1` lines, none wider than the terminal. */
export function stepLines(operation: Operation, view: StepLinesView): string[] {
  const width = view.columns - 1
  const room = Math.max(1, view.rows - 3)
  const blocks = operation.steps.map((step) => stepBlock(step, operation, view, width))
  const current = operation.steps.findIndex(({ status }) => /^(running|waiting)$/.test(status))
  const shown = around(blocks, current === -1 ? 0 : current, room)
  return [...shown, cut(colours.dim(footer(operation, view)), width)].slice(0, view.rows - 1)
}

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const frameMs = 250

function stepBlock(
  step: StepState,
  operation: Operation,
  view: StepLinesView,
  width: number,
): string[] {
  const { status, title, detail, progress } = step
  const isRunning = status === 'running'
  const ranMs = isRunning ? view.now.getTime() - view.beganAt(step).getTime() : undefined
  const mark = isRunning
    ? colours.cyan(frames[Math.floor(view.now.getTime() / frameMs) % frames.length] ?? '…')
    : markOf(status)
  const time = timeOf(step, ranMs)
  const head = titleLine({ mark, title, time, isPending: status === 'pending' }, width)
  const below =
    status === 'waiting'
      ? waitingText(operation).split('; ')
      : isRunning && progress !== null
        ? [progressText(progress)]
        : detail === null || status === 'pending'
          ? []
          : [detail]
  return [head, ...below.map((line) => colours.dim(cut(`    ${line}`, width)))]
}

/** The title gives way to the time: how long it takes is what people look for. */
function titleLine(
  line: { mark: string; title: string; time: string; isPending: boolean },
  width: number,
): string {
  const time = line.time === '' ? '' : ` (${line.time})`
  const title = cut(line.title, Math.max(8, width - 2 - time.length))
  const text = cut(`${title}${time}`, width - 2)
  return `${line.mark} ${line.isPending ? colours.dim(text) : text}`
}

/**
 * What fits around the step under way. Sentences of steps that are over go first, then the steps
 * before it, then those behind it.
 */
function around(blocks: readonly (readonly string[])[], current: number, room: number): string[] {
  const short = blocks.map((block, at) => (at === current ? block : block.slice(0, 1)))
  const full = blocks.flat()
  if (full.length <= room) return full
  const lines = short.flat()
  if (lines.length <= room) return lines
  // One line each says how many are left out.
  const inner = Math.max(1, room - 2)
  const ownFirst = short.slice(0, current).flat().length
  const first = Math.max(0, Math.min(ownFirst - 1, lines.length - inner))
  const last = Math.min(lines.length, first + inner)
  const more = (count: number, where: string) =>
    count > 0 ? [colours.dim(`  … ${count} more ${where}`)] : []
  return [
    ...more(first, 'before'),
    ...lines.slice(first, last),
    ...more(lines.length - last, 'to come'),
  ]
}

function footer(operation: Operation, { now, startedAt, hint }: StepLinesView): string {
  const { type, estimatedEndAt } = operation
  const ran = wholeSeconds(now.getTime() - startedAt.getTime())
  const left = estimatedEndAt ? wholeSeconds(Date.parse(estimatedEndAt) - now.getTime()) : 0
  const since = ran > 0 ? ` for ${durationText(ran)}` : ''
  const end = left > 0 ? `, ends in about ${durationText(left)}` : ''
  return `${type}${since}${end}; ${hint}`
}

/** In milliseconds; a tenth of a second that changes at every picture is only noise. */
const wholeSeconds = (ms: number): number => Math.max(0, Math.floor(ms / 1000)) * 1000
