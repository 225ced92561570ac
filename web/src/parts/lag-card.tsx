import { Card, Group, Text } from '@mantine/core'
import type { GroupStatus } from '../../../src/api/contract.ts'
import { duration, moment } from './format.ts'
import { LagChart } from './lag-chart.tsx'

export function LagCard({ group, now }: { group: GroupStatus; now: number }) {
  const isKnown = group.replicationPoint !== null && group.lagMs !== null
  const lagMs = !isKnown ? null : now - Date.parse(group.replicationPoint ?? '')
  const late = lagMs === null || lagMs > group.objectives.rpoMs
  return (
    <Card withBorder padding="md">
      <Group justify="space-between" align="baseline">
        <Text fw={600}>Lag</Text>
        <Text className="steady" size="xl" fw={700} c={late ? 'orange' : 'teal'} data-testid="lag">
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
  )
}
