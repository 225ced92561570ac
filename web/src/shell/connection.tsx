import { Alert, Badge, Code } from '@mantine/core'
import { type Live, useLive, useNow } from '../live.ts'
import { duration } from '../parts/format.ts'

const freshMs = 15_000

function staleness(live: Live, now: number) {
  const ageMs = live.receivedAt === undefined ? undefined : now - live.receivedAt
  const isStale = live.connection !== 'live' || (ageMs !== undefined && ageMs > freshMs)
  return { ageMs, isStale }
}

export function ConnectionBadge() {
  const live = useLive()
  const { ageMs, isStale } = staleness(live, useNow())
  return (
    <Badge
      color={isStale ? 'orange' : 'teal'}
      variant="light"
      role="status"
      aria-live="polite"
      className="steady"
      data-testid="connection"
    >
      {!isStale ? 'live' : ageMs === undefined ? live.connection : `stale: ${duration(ageMs)} old`}
    </Badge>
  )
}

/** Above every page: what is shown may no longer be true, and an outage is no time to guess (I8). */
export function ConnectionAlert() {
  const live = useLive()
  const { ageMs, isStale } = staleness(live, useNow())
  if (!isStale || live.connection === 'connecting') return null
  return (
    <Alert
      color="orange"
      mb="md"
      role="alert"
      data-testid="stale"
      title={
        ageMs === undefined
          ? 'The controller does not answer'
          : `The controller does not answer; this is what was true ${duration(ageMs)} ago`
      }
    >
      Trying again every two seconds. The members and their stable endpoints go on without it. If it
      stays so, start it with <Code>holdfast controller</Code>.
    </Alert>
  )
}
