import type { Operation, StepState } from '../api/contract.ts'
import { colours as pc } from './colours.ts'
import { bytesText, durationText } from './text.ts'

/** Where lines appear while an operation runs. */
export interface Progress {
  /** Stays. */
  line(text: string): void
  /** Replaces the line of before; only where a terminal can. */
  redraw(text: string): void
  /** Stays, where lines cannot be redrawn; nothing where they can. */
  plain(text: string): void
  /** Removes what `redraw` left. */
  clear(): void
}

/** On stderr, so that stdout stays the result. `live`: a terminal that redraws lines. */
export function stderrProgress(live: boolean): Progress {
  const clear = () => {
    if (live) process.stderr.write('\r\x1b[2K')
  }
  return {
    line: (text) => {
      clear()
      process.stderr.write(`${text}\n`)
    },
    plain: (text) => {
      if (!live) process.stderr.write(`${text}\n`)
    },
    redraw: (text) => {
      if (!live) return
      const width = (process.stderr.columns || 80) - 1
      process.stderr.write(`\r\x1b[2K${text.slice(0, width)}`)
    },
    clear,
  }
}

/** A line for each step when it ends. */
export function stepWriter(write: (line: string) => void): (operation: Operation) => void {
  const written = new Set<string>()
  return (operation) => {
    for (const step of operation.steps) {
      const key = `${step.id} ${step.status}`
      if (!/^(done|skipped|failed|waiting|undone)$/.test(step.status) || written.has(key)) continue
      written.add(key)
      write(stepText(step))
    }
  }
}

const marks: Record<StepState['status'], string> = {
  pending: '·',
  running: '…',
  waiting: '?',
  done: pc.green('✔'),
  skipped: '-',
  failed: pc.red('✖'),
  undone: '↶',
}

export const markOf = (status: StepState['status']): string => marks[status]

/** `1.2 s` it took, `4.0 s, 10.0 s before` it takes, `about 10.0 s` it will take; empty: unknown. */
export function timeOf(step: StepState, ranMs?: number): string {
  const { status, startedAt, endedAt, expectedMs } = step
  if (startedAt !== null && endedAt !== null)
    return durationText(Date.parse(endedAt) - Date.parse(startedAt))
  if (status === 'pending') return expectedMs ? `about ${durationText(expectedMs)}` : ''
  if (status !== 'running') return ''
  const ran = ranMs === undefined ? [] : [durationText(Math.max(0, ranMs))]
  return [...ran, ...(expectedMs ? [`${durationText(expectedMs)} before`] : [])].join(', ')
}

/** `✔ Move traffic (1.2 s) 2 endpoints lead to west`; `ranMs` of a step under way. */
export function stepText(step: StepState, ranMs?: number): string {
  const parts = [marks[step.status], step.title]
  const time = step.status === 'pending' ? '' : timeOf(step, ranMs)
  if (time !== '') parts.push(`(${time})`)
  // While it runs, the number says more than what was found before it began.
  if (step.status === 'running' && step.progress !== null) parts.push(progressText(step.progress))
  else if (step.detail !== null) parts.push(step.detail)
  return parts.join(' ')
}

export function progressText(progress: NonNullable<StepState['progress']>): string {
  const { done, total, bytes } = progress
  const objects = total === null ? `${done} objects` : `${done} of ${total} objects`
  return bytes === null ? objects : `${objects}, ${bytesText(bytes)}`
}

const plainEveryMs = 5000

/** One redrawn line where a terminal can, else a line per step and every five seconds. */
export function passWriter(progress: Progress): (operation: Operation) => void {
  const startedAt = Date.now()
  const ended = new Set<string>()
  // By our own clock: the controller's may be another one.
  const began = new Map<string, number>()
  let lastLineAt = startedAt
  return (operation) => {
    for (const step of operation.steps) {
      if (!/^(done|skipped|failed)$/.test(step.status) || ended.has(step.id)) continue
      ended.add(step.id)
      progress.line(stepText(step))
    }
    const step = operation.steps.find(({ status }) => status === 'running')
    if (step === undefined) return progress.clear()
    const bytes = step.progress?.bytes ?? 0
    if (!began.has(step.id)) began.set(step.id, Date.now())
    const seconds = (Date.now() - (began.get(step.id) ?? startedAt)) / 1000
    const rate = bytes > 0 && seconds >= 1 ? `, ${bytesText(Math.round(bytes / seconds))}/s` : ''
    const text = `${stepText(step)}${rate}`
    progress.redraw(text)
    if (Date.now() - lastLineAt >= plainEveryMs) {
      lastLineAt = Date.now()
      progress.plain(text)
    }
  }
}
