import { Alert, Badge, Button, Group, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import type { GroupStatus } from '../../../src/api/contract.ts'
import type { HistoryEntry } from '../../../src/api/evidence-contract.ts'
import { api } from '../api.ts'
import { links } from '../links.ts'
import { useNow } from '../live.ts'
import type { GroupPageProps } from '../pages.tsx'
import { DrillCalendar } from '../parts/drill-calendar.tsx'
import { duration, moment } from '../parts/format.ts'
import { Heading } from '../parts/heading.tsx'
import { HistoryTable } from '../parts/history-table.tsx'
import { ObjectiveChart } from '../parts/objective-chart.tsx'
import { Command } from '../parts/remedy.tsx'
import { Empty, Loading, Problem } from '../parts/states.tsx'
import { When } from '../parts/when.tsx'

const mostShown = 200

/** When it was rehearsed, what it took each time, and when the next rehearsal is due. */
export function DrillsPage({ group }: GroupPageProps) {
  const { operation } = group
  const drills = useQuery({
    queryKey: ['history', group.group, 'drill', operation?.id, operation?.outcome],
    queryFn: ({ signal }) =>
      api.history(group.group, { type: 'drill', limit: mostShown }, { signal }),
  })
  const settings = useQuery({
    queryKey: ['settings', group.group],
    queryFn: ({ signal }) => api.settings(group.group, { signal }),
  })
  const error = drills.error ?? settings.error
  const retry = () => {
    void drills.refetch()
    void settings.refetch()
  }
  return (
    <>
      <Heading
        title="Drills"
        text="Failovers rehearsed into copies, while protection goes on."
        trail={[[group.group, links.group(group.group)]]}
      >
        <Button component={Link} href={links.start(group.group, 'drill')} size="sm">
          Start a drill…
        </Button>
      </Heading>
      <Overdue group={group} />
      {error ? (
        <Problem error={error} retry={retry} />
      ) : drills.data && settings.data ? (
        <Past group={group} drills={drills.data.items} everyMs={settings.data.drillEveryMs} />
      ) : (
        <Loading what="the reports of past drills" />
      )}
    </>
  )
}

function Overdue({ group }: { group: GroupStatus }) {
  if (!group.drill.overdue) return null
  return (
    <Alert color="orange" title="▲ A drill is overdue" mb="md" data-testid="drill-overdue">
      No drill was complete within the time that the plan allows, so nothing shows that a failover
      would work.
      <Command command="holdfast drill" />
    </Alert>
  )
}

function Past(props: { group: GroupStatus; drills: readonly HistoryEntry[]; everyMs: number }) {
  const { group, drills, everyMs } = props
  const due = dueAt(drills, everyMs)
  return (
    <Stack gap="lg">
      <Facts group={group} due={due} everyMs={everyMs} />
      <DrillCalendar drills={drills} due={due} />
      {drills.length === 0 ? (
        <Empty
          title="No drill yet"
          text="A first one measures how long a failover takes here, and what would be lost."
        />
      ) : (
        <>
          <Trend drills={drills} />
          <HistoryTable entries={drills} label="drills" />
        </>
      )}
    </Stack>
  )
}

/** Counted from the last complete one; undefined: there was none. */
function dueAt(drills: readonly HistoryEntry[], everyMs: number): string | undefined {
  const complete = drills.find(({ outcome }) => outcome === 'complete')
  if (!complete?.endedAt) return undefined
  return new Date(Date.parse(complete.endedAt) + everyMs).toISOString()
}

function Facts(props: { group: GroupStatus; due: string | undefined; everyMs: number }) {
  const { group, due, everyMs } = props
  const now = useNow()
  const { lastAt, lastOutcome } = group.drill
  const days = Math.round(everyMs / 86_400_000)
  return (
    <Group gap="xl" align="flex-start">
      <div data-testid="last-drill">
        <Text size="sm" c="dimmed">
          Last
        </Text>
        {lastAt === null ? (
          <Text>never</Text>
        ) : (
          <Group gap="xs">
            <When at={lastAt} />
            <Badge color={lastOutcome === 'complete' ? 'teal' : 'orange'} variant="light">
              {lastOutcome}
            </Badge>
          </Group>
        )}
      </div>
      <div data-testid="next-drill">
        <Text size="sm" c="dimmed">
          Due, every {days} days
        </Text>
        {due === undefined ? (
          <Text size="sm">a first complete one is missing</Text>
        ) : (
          <Text size="sm" className="steady" title={moment(due)}>
            {due > new Date(now).toISOString()
              ? `in ${duration(Date.parse(due) - now)}`
              : `${duration(now - Date.parse(due))} ago`}
          </Text>
        )}
      </div>
    </Group>
  )
}

function Trend({ drills }: { drills: readonly HistoryEntry[] }) {
  const pick = (value: 'rtaMs' | 'rpaMs', objective: 'rtoMs' | 'rpoMs') =>
    drills.map((drill) => ({
      at: drill.startedAt,
      valueMs: drill[value],
      objectiveMs: drill[objective],
    }))
  return (
    <section aria-label="trend">
      <Title order={2} size="h5" mb="xs">
        Measured against the objectives
      </Title>
      <div className="charts">
        <ObjectiveChart label="RTA" objective="RTO" measured={pick('rtaMs', 'rtoMs')} />
        <ObjectiveChart label="RPA" objective="RPO" measured={pick('rpaMs', 'rpoMs')} />
      </div>
    </section>
  )
}
