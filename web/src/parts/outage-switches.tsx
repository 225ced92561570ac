import { Alert, Card, Group, Text, Title } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { GroupStatus } from '../../../src/api/contract.ts'
import type { Outage } from '../../../src/api/detail-contract.ts'
import { api } from '../api.ts'
import { RoleButton } from './role-button.tsx'
import { Problem } from './states.tsx'

/** For showing what happens. Only members that are local regions have a switch; Azure has none. */
export function OutageSwitches({ group }: { group: GroupStatus }) {
  const outages = useQuery({
    queryKey: ['outages', group.group],
    queryFn: ({ signal }) => api.outages(group.group, {}, { signal }),
    refetchInterval: 5000,
  })
  const items = outages.data?.items ?? []
  if (items.length === 0) return null
  return (
    <section aria-label="outage" className="unprinted">
      <Title order={2} size="h5" mb="xs">
        Rehearse an outage
      </Title>
      <Group gap="sm" align="stretch">
        {items.map((outage) => (
          <Switch key={outage.member} group={group} outage={outage} />
        ))}
      </Group>
    </section>
  )
}

function Switch({ group, outage }: { group: GroupStatus; outage: Outage }) {
  const client = useQueryClient()
  const { member, down } = outage
  const change = useMutation({
    mutationFn: () => api.setOutage(group.group, member, !down),
    onSettled: () => client.invalidateQueries({ queryKey: ['outages'] }),
  })
  return (
    <Card withBorder padding="sm" data-testid={`outage-${member}`} data-down={String(down)}>
      <Text size="sm" mb="xs">
        {member}, a local region:{' '}
        {down === null
          ? 'its process has ended'
          : down
            ? 'every connection is cut'
            : 'it is reachable'}
      </Text>
      <RoleButton
        group={group.group}
        operation="POST /api/v1/groups/:group/outages/:member"
        size="xs"
        color={down ? 'teal' : 'red'}
        disabled={down === null}
        loading={change.isPending}
        onClick={() => change.mutate()}
      >
        {down ? `End the outage of ${member}` : `Cut off ${member}`}
      </RoleButton>
      {change.error ? <Problem error={change.error} /> : null}
      {down ? (
        <Alert color="orange" mt="xs" p="xs">
          Nothing in it is lost; it answers again when the outage ends.
        </Alert>
      ) : null}
    </Card>
  )
}
