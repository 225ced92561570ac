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
        objective {duration(group.objectives.rpoMs)} · {pointText(group)}
      </Text>
      <LagChart lagMs={lagMs} objectiveMs={group.objectives.rpoMs} />
    </Card>
  )
}

function pointText({ replicationPoint, protection }: GroupStatus): string {
  if (replicationPoint !== null) return `proven up to ${moment(replicationPoint)}`
  return protection === 'unprotected'
    ? 'nothing is copied until the group is protected again'
    : 'no replication point yet'
}
