import { Badge, Button, Chip, Code, Group, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'wouter'
import type { PlannedAction, ReplicationPlan } from '../../../src/api/contract.ts'
import { api } from '../api.ts'
import { links } from '../links.ts'
import type { GroupPageProps } from '../pages.tsx'
import { bytes, count, moment } from '../parts/format.ts'
import { Heading } from '../parts/heading.tsx'
import { Empty, Loading, Problem } from '../parts/states.tsx'
import { shownValue } from '../parts/value.ts'

/** What a sync would do, to be read before it is done. */
export function PlanPage({ group }: GroupPageProps) {
  const plan = useQuery({
    queryKey: ['plan', group.group],
    queryFn: ({ signal }) => api.plan(group.group, { signal }),
    staleTime: 60_000,
  })
  return (
    <>
      <Heading
        title="Plan"
        text="What a sync would do now. Nothing is changed by looking."
        trail={[[group.group, links.group(group.group)]]}
      >
        <Button
          variant="default"
          loading={plan.isFetching}
          onClick={() => void plan.refetch()}
          size="sm"
        >
          Compare again
        </Button>
        <Button component={Link} href={links.start(group.group, 'sync')} size="sm">
          Synchronise…
        </Button>
      </Heading>
      {plan.error ? (
        <Problem error={plan.error} retry={() => void plan.refetch()} />
      ) : plan.data ? (
        <Actions plan={plan.data} group={group.group} />
      ) : (
        <Loading what="both regions; this compares every object" />
      )}
    </>
  )
}

const colors: Readonly<Record<PlannedAction['action'], string>> = {
  create: 'teal',
  update: 'blue',
  copy: 'teal',
  archive: 'orange',
  conflict: 'red',
  skip: 'gray',
  none: 'gray',
}
const mostShown = 500

function Actions({ plan, group }: { plan: ReplicationPlan; group: string }) {
  const [only, setOnly] = useState<string | null>(null)
  const wanted = plan.actions.filter(({ action }) =>
    only === null ? action !== 'none' : action === only,
  )
  const shown = wanted.slice(0, mostShown)
  return (
    <>
      <Text mb="sm" className="steady">
        {plan.from} → {plan.to}, compared {moment(plan.madeAt)} · {bytes(plan.bytes)} to copy
      </Text>
      <Group gap="xs" mb="sm">
        {Object.entries(plan.totals).map(([action, total]) => (
          <Chip
            key={action}
            checked={only === action}
            onChange={() => setOnly(only === action ? null : action)}
            size="xs"
          >
            {action === 'none' ? 'unchanged' : action} {total}
          </Chip>
        ))}
      </Group>
      {shown.length === 0 ? (
        <Empty
          title="Nothing to do"
          text={`${plan.to} holds what ${plan.from} holds: ${count(plan.actions.length, 'object')} compared.`}
        />
      ) : (
        <Table.ScrollContainer minWidth={520} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
          <Table aria-label="planned actions" verticalSpacing={6} data-testid="actions">
            <Table.Tbody>
              {shown.map((action) => (
                <ActionRow key={action.object} action={action} group={group} />
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {wanted.length > shown.length ? (
        <Text size="sm" c="dimmed">
          {count(wanted.length - shown.length, 'more action')}; `holdfast plan` prints all.
        </Text>
      ) : null}
    </>
  )
}

function ActionRow({ action, group }: { action: PlannedAction; group: string }) {
  return (
    <Table.Tr data-object={action.object}>
      <Table.Td w={110}>
        <Badge color={colors[action.action]} variant="light">
          {action.action}
        </Badge>
      </Table.Td>
      <Table.Td>
        <Link href={links.object(group, action.object)} className="anywhere">
          {decodeURIComponent(action.object)}
        </Link>
        <Text size="sm" c="dimmed">
          {action.reason}
          {action.bytes ? ` · ${bytes(action.bytes)}` : ''}
        </Text>
        {action.changes?.map(({ path, from, to }) => (
          <Text key={path} size="sm" className="anywhere">
            {path}: <Code>{shownValue(from)}</Code> → <Code>{shownValue(to)}</Code>
          </Text>
        ))}
      </Table.Td>
    </Table.Tr>
  )
}
