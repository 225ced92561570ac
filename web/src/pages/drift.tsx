import { Badge, Button, Card, Group, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import type { DriftFinding, DriftReport } from '../../../src/api/drift-contract.ts'
import { api } from '../api.ts'
import { links } from '../links.ts'
import type { GroupPageProps } from '../pages.tsx'
import { Changes } from '../parts/changes.tsx'
import { Heading } from '../parts/heading.tsx'
import { Command } from '../parts/remedy.tsx'
import { Empty, Loading, Problem } from '../parts/states.tsx'
import { When } from '../parts/when.tsx'

/** What somebody changed at the secondary, worst first, and what mends it. */
export function DriftPage({ group }: GroupPageProps) {
  const drift = useQuery({
    queryKey: ['drift', group.group, group.epoch],
    queryFn: ({ signal }) => api.drift(group.group, { signal }),
    staleTime: 60_000,
  })
  return (
    <>
      <Heading
        title="Drift"
        text="What differs at the secondary other than by lag. Nothing is changed by looking."
        trail={[[group.group, links.group(group.group)]]}
      >
        <Button
          variant="default"
          size="sm"
          loading={drift.isFetching}
          onClick={() => void drift.refetch()}
        >
          Compare again
        </Button>
      </Heading>
      {drift.error ? (
        <Problem error={drift.error} retry={() => void drift.refetch()} />
      ) : drift.data ? (
        <Report report={drift.data} comparedAt={new Date(drift.dataUpdatedAt).toISOString()} />
      ) : (
        <Loading what="both regions; this compares every object" />
      )}
    </>
  )
}

const severities: Readonly<Record<DriftFinding['severity'], readonly [string, string]>> = {
  high: ['red', '✖ high'],
  medium: ['orange', '▲ medium'],
  low: ['gray', '– low'],
}

function Report({ report, comparedAt }: { report: DriftReport; comparedAt: string }) {
  const { group, from, to, findings, totals, notCompared } = report
  return (
    <Stack gap="md">
      <Group gap="xs" data-testid="drift-totals">
        {(['high', 'medium', 'low'] as const).map((severity) => (
          <Badge
            key={severity}
            variant="light"
            color={totals[severity] === 0 ? 'gray' : severities[severity][0]}
          >
            {severities[severity][1]} {totals[severity]}
          </Badge>
        ))}
        <Text span size="sm" c="dimmed">
          compared <When at={comparedAt} />
        </Text>
      </Group>
      {findings.length === 0 ? (
        <Empty title="No drift" text={`${to} has what ${from} has, but for lag.`} />
      ) : (
        findings.map((finding) => (
          <FindingCard
            key={`${finding.object}:${finding.code}`}
            {...{ group, from, to, finding }}
          />
        ))
      )}
      <Text size="sm" c="dimmed">
        Not compared: {notCompared.join(', ')}.
      </Text>
    </Stack>
  )
}

interface FindingProps {
  readonly group: string
  readonly from: string
  readonly to: string
  readonly finding: DriftFinding
}

function FindingCard({ group, from, to, finding }: FindingProps) {
  const { object, code, severity, reason, changes } = finding
  const [color, text] = severities[severity]
  return (
    <Card
      withBorder
      padding="md"
      component="section"
      aria-label={`${object}: ${code}`}
      data-testid={`drift-${object}`}
      data-severity={severity}
    >
      <Group gap="sm">
        <Badge color={color} variant="light">
          {text}
        </Badge>
        <Text fw={600} className="anywhere">
          {code === 'drift.setting' ? (
            object
          ) : (
            <Link href={links.object(group, object)}>{decodeURIComponent(object)}</Link>
          )}
        </Text>
        <Text size="xs" c="dimmed">
          {code}
        </Text>
      </Group>
      <Text size="sm" my={4} className="anywhere">
        {reason}
      </Text>
      {changes.length > 0 ? (
        <Changes
          label={`fields of ${object}`}
          columns={[`${to} has`, `it would have, as ${from} says`]}
          rows={changes.map(({ path, from: has, to: wanted }) => ({ path, values: [has, wanted] }))}
        />
      ) : null}
      <Mending group={group} to={to} fix={finding.fix} />
    </Card>
  )
}

function Mending({ group, to, fix }: { group: string; to: string; fix: DriftFinding['fix'] }) {
  if (fix === 'manual')
    return <Text size="sm">Nothing does this for you: settle it at {to}, or in the plan.</Text>
  if (fix === 'conflicts')
    return (
      <Text size="sm">
        A sync leaves it as it is:{' '}
        <Link href={links.conflicts(group)}>decide whose content stands</Link>.
      </Text>
    )
  return (
    <>
      <Text size="sm">
        A full sync brings it back; <Link href={links.plan(group)}>see the plan first</Link>.
      </Text>
      <Command command="holdfast drift --fix" />
    </>
  )
}
