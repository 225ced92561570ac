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

/** Writes each step once when it ends, and the one under way where lines can be redrawn. */
export function stepWriter(progress: Progress): (operation: Operation) => void {
  const written = new Set<string>()
  return (operation) => {
    for (const step of operation.steps) {
      const key = `${step.id} ${step.status}`
      if (/^(done|skipped|failed|waiting|undone)$/.test(step.status) && !written.has(key)) {
        written.add(key)
        progress.line(stepText(step))
      }
    }
    const running = operation.steps.find((step) => step.status === 'running')
    if (running !== undefined) progress.redraw(stepText(running))
    else progress.clear()
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

/** `✔ Move traffic (1.2 s) 2 endpoints lead to west` */
export function stepText(step: StepState): string {
  const parts = [marks[step.status], step.title]
  if (step.startedAt !== null && step.endedAt !== null) {
    parts.push(`(${durationText(Date.parse(step.endedAt) - Date.parse(step.startedAt))})`)
  }
  if (step.status === 'running' && step.expectedMs) {
    parts.push(`(${durationText(step.expectedMs)} before)`)
  }
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
