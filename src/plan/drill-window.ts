/** When a drill may begin by itself: `Sat 03:00-05:00 UTC`, or `daily 01:00-04:00 UTC`. */
export interface DrillWindow {
  /** 0 is Sunday; null: every day. */
  readonly day: number | null
  /** Minutes after midnight, UTC. */
  readonly from: number
  readonly to: number
}

const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const form =
  /^(daily|sun|mon|tue|wed|thu|fri|sat) ([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d) UTC$/i

/** Undefined: the text is no window, or one without length. */
export function parseDrillWindow(text: string): DrillWindow | undefined {
  const match = form.exec(text.trim())
  if (match === null) return undefined
  const [, day = '', h1, m1, h2, m2] = match
  const from = Number(h1) * 60 + Number(m1)
  const to = Number(h2) * 60 + Number(m2)
  if (from === to) return undefined
  return { day: day.toLowerCase() === 'daily' ? null : days.indexOf(day.toLowerCase()), from, to }
}

/** A window that ends before it begins goes on past midnight. */
export function isInWindow({ day, from, to }: DrillWindow, at: Date): boolean {
  const minute = at.getUTCHours() * 60 + at.getUTCMinutes()
  const onDay = (offset: number) => day === null || at.getUTCDay() === (day + offset) % 7
  if (from < to) return onDay(0) && minute >= from && minute < to
  return (onDay(0) && minute >= from) || (onDay(1) && minute < to)
}
