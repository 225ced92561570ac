import type { Operation, Status } from '../../api/contract.ts'
import { colours } from '../colours.ts'
import { stepText } from '../show-steps.ts'
import { statusText } from '../status-text.ts'
import { cut, durationText } from '../text.ts'

/** All that the screen shows; what it looks like is made of this alone. */
export interface WatchState {
  readonly status: Status | undefined
  /** When the controller stopped answering; undefined while it answers. */
  readonly lostSince: Date | undefined
  /** When the status was heard, by our own clock. */
  readonly heardAt: Date | undefined
  readonly overlay: Overlay | undefined
  /** Lines scrolled down. */
  readonly scroll: number
  readonly now: Date
}

export type Overlay =
  | { readonly shows: 'help' }
  | { readonly shows: 'preview'; readonly operation: Operation | undefined }
  | { readonly shows: 'refusal'; readonly text: string }

export interface Size {
  readonly columns: number
  readonly rows: number
}

/** At most as many lines as there are rows, none wider than the screen. */
export function watchLines(state: WatchState, { columns, rows }: Size): string[] {
  const head = connectionLines(state)
  const room = rows - head.length - 1
  const body = bodyLines(state, room)
  const scroll = Math.max(0, Math.min(state.scroll, body.length - room))
  const shown = body.slice(scroll, scroll + Math.max(0, room))
  const below = body.length - scroll - shown.length
  const padding = Array.from({ length: Math.max(0, room - shown.length) }, () => '')
  return [...head, ...shown, ...padding, footer(state, below)]
    .slice(0, rows)
    .map((line) => cut(line, columns))
}

function footer({ overlay }: WatchState, below: number): string {
  const keys = overlay === undefined ? 'q quit  f failover preview  ? help' : 'esc back  q quit'
  return colours.dim(below > 0 ? `${keys}  ↓ ${below} more lines` : keys)
}

/** What is shown of a controller that is gone is old, and says so (I8). */
function connectionLines({ lostSince, heardAt, status, now }: WatchState): string[] {
  if (lostSince === undefined) return []
  const ago = durationText(Math.floor((now.getTime() - lostSince.getTime()) / 1000) * 1000)
  const age =
    status === undefined || heardAt === undefined
      ? 'Nothing is known yet.'
      : `What follows was true at ${heardAt.toISOString()}; what is true now is unknown.`
  return [
    colours.red(`The controller has not answered for ${ago}; looking for it again.`),
    colours.yellow(age),
    '',
  ]
}

function bodyLines({ status, overlay }: WatchState, room: number): string[] {
  if (overlay !== undefined) return overlayLines(overlay)
  if (status === undefined) return ['Asking the controller …']
  const whole = statusText(status).split('\n')
  if (whole.length <= room) return whole
  // The steps of what is under way matter more than how many objects there are.
  return statusText(status, { counts: false }).split('\n')
}

const help = [
  'holdfast status --watch',
  '',
  '  q, Ctrl-C   leave; what is under way goes on',
  '  f           what a failover would do now; nothing is changed',
  '  ↑ ↓, k j    scroll',
  '  ?           this page',
  '  esc         back',
  '',
  'The screen follows the controller. When it goes away the screen says so and looks for it again.',
]

function overlayLines(overlay: Overlay): string[] {
  if (overlay.shows === 'help') return help
  if (overlay.shows === 'refusal')
    return ['A failover would be refused now:', '', ...overlay.text.split('\n')]
  const { operation } = overlay
  if (operation === undefined) return ['Asking what a failover would do …']
  return [
    `A failover of ${operation.group} would do now:`,
    '',
    ...operation.steps.map((step) => `  ${stepText(step)}`),
    '',
    'Nothing was changed. Do it: holdfast failover',
  ]
}
