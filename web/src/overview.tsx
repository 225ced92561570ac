import {
  Alert,
  Badge,
  Card,
  Code,
  Container,
  Group,
  Loader,
  Stack,
  Table,
  Text,
  Title,
} from '@mantine/core'
import type { GroupStatus, MemberStatus } from '../../src/api/contract.ts'
import { bytes, duration, moment } from './format.ts'
import { LagChart } from './lag-chart.tsx'
import { type Live, useLive, useNow } from './live.ts'
import { OperationView } from './operation-view.tsx'

export function Overview() {
  const live = useLive()
  const now = useNow()
  return (
    <Container size="lg" py="md">
      <Stack gap="md">
        <Group justify="space-between" component="header">
          <Title order={1} size="h3">
            Holdfast
          </Title>
          <ConnectionBadge live={live} now={now} />
        </Group>
        <main>
          <Body live={live} now={now} />
        </main>
      </Stack>
    </Container>
  )
}

function Body({ live, now }: { live: Live; now: number }) {
  if (live.connection === 'signed-out') {
    return (
      <Alert color="orange" title="You are signed out">
        Run <Code>holdfast status</Code> on the controller's machine and open the link it prints.
      </Alert>
    )
  }
  if (!live.status) {
    return live.connection === 'interrupted' ? (
      <Alert color="red" title="The controller does not answer">
        Trying again every two seconds. If it stays so, start it with{' '}
        <Code>holdfast controller</Code>.
      </Alert>
    ) : (
      <Group>
        <Loader size="sm" /> <Text>Asking the controller…</Text>
      </Group>
    )
  }
  if (live.status.groups.length === 0)
    return <Text>No failover group yet. Write one with holdfast init.</Text>
  return (
    <Stack gap="xl">
      {live.status.groups.map((group) => (
        <GroupView key={group.group} group={group} now={now} />
      ))}
    </Stack>
  )
}

function ConnectionBadge({ live, now }: { live: Live; now: number }) {
  const age = live.receivedAt === undefined ? undefined : now - live.receivedAt
  const stale = live.connection !== 'live' || (age !== undefined && age > 15_000)
  return (
    <Badge
      color={stale ? 'orange' : 'teal'}
      variant="light"
      role="status"
      aria-live="polite"
      className="steady"
    >
      {live.connection === 'live' && !stale
        ? 'live'
        : age === undefined
          ? live.connection
          : `stale: ${duration(age)} old`}
    </Badge>
  )
}

function GroupView({ group, now }: { group: GroupStatus; now: number }) {
  const lagMs = group.replicationPoint === null ? null : now - Date.parse(group.replicationPoint)
  const late = lagMs === null || lagMs > group.objectives.rpoMs
  return (
    <Stack gap="md" component="section" aria-label={`failover group ${group.group}`}>
      <Group gap="sm">
        <Title order={2} size="h4">
          {group.group}
        </Title>
        <Badge color={protectionColor(group.protection)} data-testid="protection">
          {group.protection}
        </Badge>
        <Badge variant="outline" color="gray" data-testid="epoch">
          epoch {group.epoch}
        </Badge>
      </Group>
      {group.verdict && group.verdict.recommendation !== 'none' ? (
        <Alert
          color={group.verdict.recommendation === 'failover' ? 'red' : 'orange'}
          title={
            group.verdict.recommendation === 'failover'
              ? 'Failover is recommended'
              : 'Wait and watch'
          }
          data-testid="verdict"
        >
          {group.verdict.sentence}
        </Alert>
      ) : null}
      <div className="regions">
        {group.members.map((member) => (
          <MemberCard
            key={member.name}
            member={member}
            effective={member.name === group.effectivePrimary}
            now={now}
          />
        ))}
        <Card withBorder padding="md">
          <Group justify="space-between" align="baseline">
            <Text fw={600}>Lag</Text>
            <Text
              className="steady"
              size="xl"
              fw={700}
              c={late ? 'orange' : 'teal'}
              data-testid="lag"
            >
              {lagMs === null ? 'unknown' : duration(lagMs)}
            </Text>
          </Group>
          <Text size="sm" c="dimmed">
            objective {duration(group.objectives.rpoMs)} ·{' '}
            {group.replicationPoint === null
              ? 'no replication point yet'
              : `proven up to ${moment(group.replicationPoint)}`}
          </Text>
          <LagChart lagMs={lagMs} objectiveMs={group.objectives.rpoMs} />
        </Card>
      </div>
      {group.operation ? <OperationView operation={group.operation} now={now} /> : null}
      <Counts group={group} />
    </Stack>
  )
}

function MemberCard({
  member,
  effective,
  now,
}: {
  member: MemberStatus
  effective: boolean
  now: number
}) {
  return (
    <Card withBorder padding="md" data-testid={`member-${member.name}`}>
      <Group justify="space-between">
        <Text fw={600}>{member.region ?? member.name}</Text>
        <Badge color={effective ? 'teal' : 'gray'} variant={effective ? 'filled' : 'outline'}>
          {member.role}
        </Badge>
      </Group>
      <Group gap="xs" mt="xs">
        <Badge
          color={healthColor(member.health)}
          variant="light"
          data-testid={`health-${member.name}`}
        >
          {healthMark(member.health)} {member.health}
        </Badge>
        <Text size="sm" c="dimmed" className="steady">
          {member.probedAt === null
            ? 'not probed yet'
            : `probed ${duration(now - Date.parse(member.probedAt))} ago`}
        </Text>
      </Group>
      {member.reason ? (
        <Text size="sm" mt="xs">
          {member.reason}
        </Text>
      ) : null}
      <Group gap={6} mt="sm">
        {Object.entries(member.planes).map(([plane, p]) => (
          <Badge
            key={plane}
            size="sm"
            variant="dot"
            color={p.healthy ? 'teal' : 'red'}
            className="steady"
          >
            {plane} {p.healthy ? `${Math.round(p.latencyMs)} ms` : '✖'}
          </Badge>
        ))}
      </Group>
      <Text size="xs" c="dimmed" mt="sm" style={{ overflowWrap: 'anywhere' }}>
        {member.workspace.split('/').at(-1)} · {member.name}
      </Text>
    </Card>
  )
}

function Counts({ group }: { group: GroupStatus }) {
  if (group.counts.length === 0) return <Text c="dimmed">Nothing has been replicated yet.</Text>
  return (
    <Table.ScrollContainer minWidth={520}>
      <Table striped aria-label="objects by kind" data-testid="counts" className="steady">
        <Table.Thead>
          <Table.Tr>
            {['kind', 'in scope', 'proven', 'pending', 'failed', 'conflict', 'size'].map(
              (heading, i) => (
                <Table.Th key={heading} ta={i === 0 ? 'left' : 'right'}>
                  {heading}
                </Table.Th>
              ),
            )}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {group.counts.map((c) => (
            <Table.Tr key={c.kind} data-kind={c.kind}>
              <Table.Td>{c.kind}</Table.Td>
              <Table.Td ta="right">{c.inScope}</Table.Td>
              <Table.Td ta="right">{c.proven}</Table.Td>
              <Table.Td ta="right">{c.pending}</Table.Td>
              <Table.Td ta="right" c={c.failed > 0 ? 'red' : 'inherit'}>
                {c.failed}
              </Table.Td>
              <Table.Td ta="right" c={c.conflict > 0 ? 'orange' : 'inherit'}>
                {c.conflict}
              </Table.Td>
              <Table.Td ta="right">{bytes(c.bytes)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function protectionColor(protection: GroupStatus['protection']): string {
  return {
    protected: 'teal',
    reversed: 'teal',
    partial: 'orange',
    unprotected: 'red',
    unknown: 'gray',
  }[protection]
}

function healthColor(health: MemberStatus['health']): string {
  return { healthy: 'teal', degraded: 'orange', unreachable: 'red', unknown: 'gray' }[health]
}

/** A shape beside the colour, for eyes that do not tell red from green. */
function healthMark(health: MemberStatus['health']): string {
  return { healthy: '●', degraded: '▲', unreachable: '✖', unknown: '?' }[health]
}
