export interface Month {
  readonly year: number
  /** 0 is January. */
  readonly month: number
  /** Empty days before the first, so that weeks begin on Monday. */
  readonly lead: number
  readonly days: number
}

/** All months from one instant to another, in UTC like every time of the console. */
export function monthsBetween(from: Date, to: Date): Month[] {
  const months: Month[] = []
  const at = new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth(), 1))
  while (at <= to) {
    const [year, month] = [at.getUTCFullYear(), at.getUTCMonth()]
    const lead = (at.getUTCDay() + 6) % 7
    const days = new Date(Date.UTC(year, month + 1, 0)).getUTCDate()
    months.push({ year, month, lead, days })
    at.setUTCMonth(month + 1)
  }
  return months
}

export const dayOf = (iso: string): string => iso.slice(0, 10)

export function dayIn({ year, month }: Month, day: number): string {
  return new Date(Date.UTC(year, month, day)).toISOString().slice(0, 10)
}
