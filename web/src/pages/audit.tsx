import {
  Alert,
  Anchor,
  Badge,
  Button,
  Code,
  Group,
  Select,
  Table,
  Text,
  TextInput,
} from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { Link, useLocation, useSearchParams } from 'wouter'
import type { AuditEntry } from '../../../src/api/evidence-contract.ts'
import { api, followCursors } from '../api.ts'
import { links } from '../links.ts'
import { useLive } from '../live.ts'
import type { GroupPageProps } from '../pages.tsx'
import { Heading } from '../parts/heading.tsx'
import { Command } from '../parts/remedy.tsx'
import { ShowOlder } from '../parts/show-older.tsx'
import { Empty, Loading, Problem } from '../parts/states.tsx'
import { When } from '../parts/when.tsx'

const pageSize = 100
const spans: Readonly<Record<string, number>> = { hour: 1, day: 24, week: 168, month: 720 }

const columns = [
  ['no.', 60],
  ['when', 130],
  ['who', 110],
  ['what', 180],
  ['about', 240],
  ['details', 300],
] as const

interface AuditFilter {
  readonly actor: string
  readonly action: string
  readonly within: string
}

/** Who did what. The filter is the address; the chain is read whole, whatever is shown of it. */
export function AuditPage({ group }: GroupPageProps) {
  const [search] = useSearchParams()
  const filter = {
    actor: search.get('actor') ?? '',
    action: search.get('action') ?? '',
    within: search.get('within') ?? '',
  }
  return (
    <>
      <Heading
        title="Audit"
        text="Who did what, in every group of this controller; newest first."
        trail={[[group.group, links.group(group.group)]]}
      />
      <Chain />
      <Filter group={group.group} filter={filter} />
      <Entries group={group.group} filter={filter} />
    </>
  )
}

function Chain() {
  const verdict = useQuery({
    queryKey: ['audit-verdict'],
    queryFn: ({ signal }) => api.auditVerdict({ signal }),
    staleTime: 60_000,
  })
  if (verdict.error) return <Problem error={verdict.error} retry={() => void verdict.refetch()} />
  // It takes as much room while it is read as afterwards.
  const { entries, headsChecked = 0, broken } = verdict.data ?? {}
  if (broken)
    return (
      <Alert
        color="red"
        mb="md"
        title="✖ The log was tampered with"
        role="alert"
        data-testid="chain"
      >
        {broken.sentence} <Code>{broken.code}</Code>
        <Command command="holdfast audit verify" />
      </Alert>
    )
  return (
    <Group gap="sm" mb="md">
      {entries === undefined ? (
        <Badge color="gray" variant="light" size="lg" role="status">
          ○ reading it
        </Badge>
      ) : (
        <Badge color="teal" variant="light" size="lg" data-testid="chain" data-whole>
          ● chain whole
        </Badge>
      )}
      <Text size="sm" c="dimmed">
        {entries?.toLocaleString('en') ?? '…'} entries read by the controller,{' '}
        {entries !== undefined && headsChecked === 0
          ? 'no signed head to hold them against'
          : 'held against its signed head'}
        ; whoever does not trust it runs <Code>holdfast audit verify</Code> elsewhere.
      </Text>
    </Group>
  )
}

function Filter({ group, filter }: { group: string; filter: AuditFilter }) {
  const [, go] = useLocation()
  const change = (part: Partial<AuditFilter>) =>
    go(links.audit(group, { ...filter, ...part }), { replace: true })
  return (
    <Group gap="sm" mb="sm" align="end" className="unprinted">
      <Settling
        key={`actor:${filter.actor}`}
        label="Actor"
        value={filter.actor}
        settle={(actor) => change({ actor })}
      />
      <Settling
        key={`action:${filter.action}`}
        label="Action, or its beginning"
        value={filter.action}
        settle={(action) => change({ action })}
      />
      <Select
        label="Within the last"
        placeholder="ever"
        data={Object.keys(spans)}
        value={filter.within || null}
        onChange={(within) => change({ within: within ?? '' })}
        clearable
        clearButtonProps={{ 'aria-label': 'ever' }}
        w={140}
      />
      {filter.actor || filter.action || filter.within ? (
        <Button variant="default" onClick={() => go(links.audit(group))}>
          Show all
        </Button>
      ) : null}
    </Group>
  )
}

/** Asks when the typing pauses. */
function Settling(props: { label: string; value: string; settle: (value: string) => void }) {
  const { label, value, settle } = props
  const [typed, setTyped] = useState(value)
  const [settled] = useDebouncedValue(typed, 400)
  useEffect(() => {
    if (settled !== value) settle(settled)
  }, [settled])
  return (
    <TextInput
      label={label}
      value={typed}
      onChange={(event) => setTyped(event.currentTarget.value)}
      autoCapitalize="off"
      spellCheck={false}
      w={200}
    />
  )
}

function Entries({ group, filter }: { group: string; filter: AuditFilter }) {
  const { actor, action, within } = filter
  const pages = useInfiniteQuery({
    queryKey: ['audit', filter],
    queryFn: ({ pageParam, signal }) => {
      const hours = spans[within]
      const since = hours && new Date(Date.now() - hours * 3_600_000).toISOString()
      const given = { ...(actor && { actor }), ...(action && { action }), ...(since && { since }) }
      return api.audit({ first: 'newest', limit: pageSize, ...given, ...pageParam }, { signal })
    },
    ...followCursors,
    refetchInterval: 10_000,
  })
  if (pages.error) return <Problem error={pages.error} retry={() => void pages.refetch()} />
  if (!pages.data) return <Loading what="the audit log" />
  const entries = pages.data.pages.flatMap(({ items }) => items)
  if (entries.length === 0)
    return (
      <Empty
        title="No entry"
        text={`Nothing like that was noted. Group ${group} is shown with all others.`}
      />
    )
  return (
    <>
      <Table.ScrollContainer minWidth={1000} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
        <Table aria-label="audit entries" layout="fixed" className="steady" verticalSpacing={6}>
          <Table.Thead>
            <Table.Tr>
              {columns.map(([heading, width]) => (
                <Table.Th key={heading} w={width}>
                  {heading}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {entries.map((entry) => (
              <Row key={entry.seq} entry={entry} group={group} filter={filter} />
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <ShowOlder pages={pages} />
    </>
  )
}

function Row(props: { entry: AuditEntry; group: string; filter: AuditFilter }) {
  const { entry, group, filter } = props
  const { seq, at, actor, action, subject, details } = entry
  const only = (part: Partial<AuditFilter>) => links.audit(group, { ...filter, ...part })
  return (
    <Table.Tr data-seq={seq} data-action={action}>
      <Table.Td>{seq}</Table.Td>
      <Table.Td>
        <When at={at} />
      </Table.Td>
      <Table.Td className="anywhere">
        <Anchor component={Link} href={only({ actor })} size="sm">
          {actor}
        </Anchor>
      </Table.Td>
      <Table.Td className="anywhere">
        <Anchor component={Link} href={only({ action })} size="sm">
          {action}
        </Anchor>
      </Table.Td>
      <Table.Td className="anywhere">
        <Subject subject={subject} action={action} />
        <Text size="xs" c="dimmed">
          {entry.group}
        </Text>
      </Table.Td>
      <Table.Td className="anywhere">
        <Text size="xs" lineClamp={3} title={JSON.stringify(details)}>
          {JSON.stringify(details)}
        </Text>
      </Table.Td>
    </Table.Tr>
  )
}

function Subject({ subject, action }: { subject: string; action: string }) {
  const { status } = useLive()
  const isOperation = action.startsWith('operation.') && status !== undefined
  return isOperation ? (
    <Anchor component={Link} href={links.operation(subject)} size="sm">
      {subject}
    </Anchor>
  ) : (
    <Text size="sm">{subject}</Text>
  )
}
