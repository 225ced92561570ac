import { Alert, Card, Group, Text, Title } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { GroupStatus } from '../../../src/api/contract.ts'
import type { Outage } from '../../../src/api/detail-contract.ts'
import { api } from '../api.ts'
import { RoleButton } from './role-button.tsx'
import { Problem } from './states.tsx'

const useOutages = ({ group }: GroupStatus) =>
  useQuery({
    queryKey: ['outages', group],
    queryFn: ({ signal }) => api.outages(group, {}, { signal }),
    refetchInterval: 5000,
  }).data?.items ?? []

/** For showing what happens, where it will be seen. Takes no room of its own until it is known. */
export function OutageButtons({ group }: { group: GroupStatus }) {
  const outages = useOutages(group)
  if (outages.length === 0) return null
  return (
    <Group
      gap="xs"
      ml="auto"
      visibleFrom="sm"
      className="unprinted"
      role="group"
      aria-label="outage"
    >
      <Text size="sm" c="dimmed">
        Rehearse an outage:
      </Text>
      {outages.map((outage) => (
        <Toggle key={outage.member} group={group} outage={outage} size="compact-xs" />
      ))}
    </Group>
  )
}

/** Only members that are local regions have a switch; Azure has none. */
export function OutageSwitches({ group }: { group: GroupStatus }) {
  const outages = useOutages(group)
  if (outages.length === 0) return null
  return (
    <section aria-label="outage" className="unprinted">
      <Title order={2} size="h5" mb="xs">
        Rehearse an outage
      </Title>
      <Group gap="sm" align="stretch">
        {outages.map((outage) => (
          <Switch key={outage.member} group={group} outage={outage} />
        ))}
      </Group>
    </section>
  )
}

function Switch({ group, outage }: SwitchProps) {
  const { member, down } = outage
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
      <Toggle group={group} outage={outage} size="xs" />
      {down ? (
        <Alert color="orange" mt="xs" p="xs">
          Nothing in it is lost; it answers again when the outage ends.
        </Alert>
      ) : null}
    </Card>
  )
}

interface SwitchProps {
  readonly group: GroupStatus
  readonly outage: Outage
}

function Toggle({ group, outage, size }: SwitchProps & { readonly size: 'xs' | 'compact-xs' }) {
  const client = useQueryClient()
  const { member, down } = outage
  const change = useMutation({
    mutationFn: () => api.setOutage(group.group, member, !down),
    onSettled: () => client.invalidateQueries({ queryKey: ['outages'] }),
  })
  return (
    <>
      <RoleButton
        group={group.group}
        operation="POST /api/v1/groups/:group/outages/:member"
        size={size}
        // Beside an alarm the one red button is the one that helps.
        variant={down || size === 'xs' ? 'filled' : 'default'}
        color={down ? 'teal' : 'red'}
        disabled={down === null}
        loading={change.isPending}
        onClick={() => change.mutate()}
      >
        {down ? `End the outage of ${member}` : `Cut off ${member}`}
      </RoleButton>
      {change.error ? <Problem error={change.error} /> : null}
    </>
  )
}
