import { Badge, Button, Card, Group, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useSearchParams } from 'wouter'
import type { MetricComparison, RunComparison } from '../../../src/api/detail-contract.ts'
import { api } from '../api.ts'
import { links } from '../links.ts'
import type { GroupPageProps } from '../pages.tsx'
import { count, moment } from '../parts/format.ts'
import { Heading } from '../parts/heading.tsx'
import { MetricChart } from '../parts/metric-chart.tsx'
import { FieldTable, SidesSummary } from '../parts/sides.tsx'
import { Loading, Problem } from '../parts/states.tsx'

/** A run and every value of its metrics, read from both sides at this moment. */
export function RunPage({ group }: GroupPageProps) {
  const [search] = useSearchParams()
  const id = search.get('id') ?? ''
  const run = useQuery({
    queryKey: ['run', group.group, id, group.epoch],
    queryFn: ({ signal }) => api.compareRun(group.group, id, { signal }),
  })
  return (
    <>
      <Heading
        title={run.data?.summary?.name ?? id}
        trail={[
          [group.group, links.group(group.group)],
          ['Runs', links.runs(group.group)],
        ]}
      >
        <Button
          variant="default"
          size="sm"
          loading={run.isFetching}
          onClick={() => void run.refetch()}
        >
          Read again
        </Button>
      </Heading>
      {run.error ? (
        <Problem error={run.error} retry={() => void run.refetch()} />
      ) : run.data ? (
        <Comparison comparison={run.data} />
      ) : (
        <Loading what="both regions for every metric value" />
      )}
    </>
  )
}

function Comparison({ comparison }: { comparison: RunComparison }) {
  const { summary, verdict, source, target, readAt, metrics, fields } = comparison
  return (
    <Stack gap="md">
      <div>
        {summary ? (
          <Text size="sm" mb="xs" className="anywhere steady">
            {summary.status} · experiment {summary.experiment} · {summary.run}
            {summary.startedAt ? ` · started ${moment(summary.startedAt)}` : ''}
          </Text>
        ) : null}
        <SidesSummary verdict={verdict} source={source} target={target} readAt={readAt} />
      </div>
      {metrics.length === 0 ? (
        <Text c="dimmed">Neither side has a metric of this run.</Text>
      ) : (
        <div className="charts">
          {metrics.map((metric) => (
            <Metric key={metric.name} metric={metric} of={comparison} />
          ))}
        </div>
      )}
      <FieldTable fields={fields} source={source.member} target={target.member} />
    </Stack>
  )
}

function Metric({ metric, of }: { metric: MetricComparison; of: RunComparison }) {
  const { name, source, target, equal } = metric
  const [color, text] =
    equal === null
      ? (['gray', '? not compared'] as const)
      : equal
        ? (['teal', '● equal'] as const)
        : (['red', '✖ differs'] as const)
  const side = source ?? target
  return (
    <Card withBorder padding="sm" data-testid={`metric-${name}`} data-equal={String(equal)}>
      <Group justify="space-between" wrap="nowrap">
        <Title order={2} size="h6" className="cut">
          {name}
        </Title>
        <Badge color={color} variant="light">
          {text}
        </Badge>
      </Group>
      <MetricChart
        label={name}
        source={{ name: of.source.member, points: source?.points ?? [] }}
        target={{ name: of.target.member, points: target?.points ?? [] }}
      />
      <Text size="xs" c="dimmed" className="steady anywhere">
        {of.source.member} {source ? count(source.values, 'value') : 'none'} · {of.target.member}{' '}
        {target ? count(target.values, 'value') : 'none'}
        {side && side.oneIn > 1 ? ` · drawn: one in ${side.oneIn}` : ''} · SHA-256{' '}
        {side?.digest.slice(0, 16)}…
      </Text>
    </Card>
  )
}
