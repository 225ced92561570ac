import { Badge, Card, Group, Stack, Text } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import type { ListedJob } from '../../../src/api/contract.ts'
import { api, followCursors } from '../api.ts'
import { links } from '../links.ts'
import type { GroupPageProps } from '../pages.tsx'
import { Heading } from '../parts/heading.tsx'
import { ShowOlder } from '../parts/show-older.tsx'
import { Empty, Loading, Problem } from '../parts/states.tsx'
import { When } from '../parts/when.tsx'

const words: Readonly<Record<ListedJob['decision'], readonly [text: string, color: string]>> = {
  open: ['open at the primary', 'blue'],
  resubmit: ['runs again', 'teal'],
  leave: ['left as it is', 'gray'],
  finished: ['had finished', 'gray'],
  manual: ['needs you', 'orange'],
}

/** Which job became which, and why one did not. */
export function JobsPage({ group }: GroupPageProps) {
  const jobs = useInfiniteQuery({
    queryKey: ['jobs', group.group, group.epoch],
    queryFn: ({ pageParam, signal }) => api.jobs(group.group, pageParam, { signal }),
    ...followCursors,
    refetchInterval: 5000,
  })
  const rows = jobs.data?.pages.flatMap(({ items }) => items)
  return (
    <>
      <Heading
        title="Jobs"
        text="Open jobs of the primary, and what became of those that an outage interrupted."
        trail={[[group.group, links.group(group.group)]]}
      />
      {jobs.error && !rows ? (
        <Problem error={jobs.error} retry={() => void jobs.refetch()} />
      ) : !rows ? (
        <Loading what="the controller for its jobs" />
      ) : rows.length === 0 ? (
        <Empty title="No job" text={`Nothing runs at ${group.effectivePrimary}.`} />
      ) : (
        <Stack gap="sm">
          {rows.map((job) => (
            <JobCard key={`${job.job}@${job.epoch ?? 'open'}`} job={job} />
          ))}
          <ShowOlder pages={jobs} />
        </Stack>
      )}
    </>
  )
}

function JobCard({ job }: { job: ListedJob }) {
  const [text, color] = words[job.decision]
  return (
    <Card
      withBorder
      padding="sm"
      id={`job-${job.job}`}
      data-testid={`job-${job.job}`}
      data-decision={job.decision}
    >
      <Group gap="sm">
        <Text fw={600} className="anywhere">
          {job.job}
          {job.resubmittedAs ? ` → ${job.resubmittedAs}` : ''}
        </Text>
        <Badge color={color} variant="light">
          {text}
        </Badge>
        {job.epoch === null ? null : (
          <Badge variant="outline" color="gray">
            epoch {job.epoch}
          </Badge>
        )}
      </Group>
      <Text size="sm">{job.reason}</Text>
      {job.checkpoint ? (
        <Text size="sm" className="anywhere">
          From checkpoint {job.checkpoint}
        </Text>
      ) : null}
      <Text size="sm" c="dimmed">
        {job.now.state === null ? (
          <>
            unknown: {job.now.member} does not answer; {job.state} <When at={job.at} />
          </>
        ) : (
          `${job.now.state} at ${job.now.member}`
        )}
      </Text>
    </Card>
  )
}
