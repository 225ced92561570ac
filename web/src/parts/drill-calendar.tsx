import { Text, Title } from '@mantine/core'
import { Link } from 'wouter'
import type { HistoryEntry } from '../../../src/api/evidence-contract.ts'
import { links } from '../links.ts'
import { useNow } from '../live.ts'
import { dayIn, dayOf, type Month, monthsBetween } from './months.ts'

const longestPastMs = 183 * 86_400_000

interface Days {
  readonly today: string
  readonly due: string | undefined
  readonly drills: ReadonlyMap<string, HistoryEntry>
}

/** Months from the oldest drill of the last half year to the one that is due. */
export function DrillCalendar(props: { drills: readonly HistoryEntry[]; due: string | undefined }) {
  const { drills, due } = props
  const today = dayOf(new Date(useNow()).toISOString())
  const now = new Date(today)
  const past = drills
    .map(({ startedAt }) => Date.parse(startedAt))
    .filter((at) => now.getTime() - at < longestPastMs)
  const from = new Date(Math.min(now.getTime(), ...past))
  const to = new Date(Math.max(now.getTime(), due === undefined ? 0 : Date.parse(due)))
  const days: Days = {
    today,
    due: due === undefined ? undefined : dayOf(due),
    // Newest first, so the last one set is the first of its day; reversed, the newest stands.
    drills: new Map([...drills].reverse().map((drill) => [dayOf(drill.startedAt), drill])),
  }
  return (
    <section aria-label="calendar of drills">
      <Title order={2} size="h5" mb="xs">
        Calendar
      </Title>
      <div className="months">
        {monthsBetween(from, to).map((month) => (
          <MonthGrid key={`${month.year}-${month.month}`} month={month} days={days} />
        ))}
      </div>
      <Text size="xs" c="dimmed" mt="xs">
        ● complete ▲ partial ✖ failed ◇ due □ today
      </Text>
    </section>
  )
}

function MonthGrid({ month, days }: { month: Month; days: Days }) {
  const name = new Date(Date.UTC(month.year, month.month)).toLocaleDateString('en', {
    month: 'long',
    year: 'numeric',
    timeZone: 'UTC',
  })
  return (
    <div>
      <Text size="sm" fw={600}>
        {name}
      </Text>
      <div className="month">
        {Array.from({ length: month.days }, (_, index) => (
          <Day
            key={dayIn(month, index + 1)}
            day={dayIn(month, index + 1)}
            column={index === 0 ? month.lead + 1 : undefined}
            days={days}
          />
        ))}
      </div>
    </div>
  )
}

function Day(props: { day: string; column: number | undefined; days: Days }) {
  const { day, column, days } = props
  const drill = days.drills.get(day)
  const style = column === undefined ? {} : { gridColumnStart: column }
  const number = Number(day.slice(8))
  if (drill)
    return (
      <Link
        href={links.operation(drill.id)}
        className="day day-drill"
        style={style}
        data-day={day}
        data-outcome={drill.outcome ?? drill.status}
        aria-label={`drill of ${day}: ${drill.outcome ?? drill.status}`}
        title={`drill of ${day}: ${drill.outcome ?? drill.status}`}
      >
        {markOf(drill)}
      </Link>
    )
  const isDue = days.due === day
  return (
    <span
      className={`day${day === days.today ? ' day-today' : ''}`}
      style={style}
      data-day={day}
      {...(isDue ? { 'data-due': true, title: `a drill is due on ${day}` } : {})}
    >
      {isDue ? '◇' : number}
    </span>
  )
}

function markOf({ outcome }: HistoryEntry): string {
  if (outcome === null) return '…'
  return outcome === 'complete' ? '●' : outcome === 'partial' ? '▲' : '✖'
}
