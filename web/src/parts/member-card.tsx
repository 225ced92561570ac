import { Badge, Card, Group, Text } from '@mantine/core'
import type { MemberStatus } from '../../../src/api/contract.ts'
import { healthColor, healthMark } from './colors.ts'
import { duration, readable } from './format.ts'

export function MemberCard({
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
          {readable(member.reason)}
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
            title={p.reason ?? undefined}
          >
            {plane} {p.healthy ? `${Math.round(p.latencyMs)} ms` : '✖'}
          </Badge>
        ))}
      </Group>
      <Text size="xs" c="dimmed" mt="sm" className="anywhere">
        {member.workspace.split('/').at(-1)} · {member.name}
      </Text>
    </Card>
  )
}
