import { Stack, Text, Title } from '@mantine/core'
import { useEffect } from 'react'
import { useLive, useNow } from '../live.ts'
import { Counts } from '../parts/counts.tsx'
import { GroupSummary } from '../parts/group-summary.tsx'
import { OperationView } from '../parts/operation-view.tsx'
import { Empty, Loading } from '../parts/states.tsx'

export function Overview() {
  const live = useLive()
  const now = useNow()
  useEffect(() => {
    document.title = 'Holdfast'
  }, [])
  // The shell says what is wrong when nothing can be shown.
  if (!live.status)
    return live.connection === 'connecting' ? <Loading what="the controller" /> : <NoStatus />
  if (live.status.groups.length === 0)
    return (
      <Empty title="No failover group yet" text="Write a continuity.yaml with holdfast init." />
    )
  return (
    <>
      <Title order={1} size="h3" mb="md">
        Failover groups
      </Title>
      <Stack gap="xl">
        {live.status.groups.map((group) => (
          <Stack
            key={group.group}
            gap="md"
            component="section"
            aria-label={`failover group ${group.group}`}
          >
            <GroupSummary group={group} now={now} />
            {group.operation ? <OperationView operation={group.operation} now={now} /> : null}
            <Counts group={group} />
          </Stack>
        ))}
      </Stack>
    </>
  )
}

function NoStatus() {
  return (
    <>
      <Title order={1} size="h3">
        Failover groups
      </Title>
      <Text>Nothing is known yet.</Text>
    </>
  )
}
