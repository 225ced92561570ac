import { Anchor, Badge, Table, Text } from '@mantine/core'
import { Link } from 'wouter'
import type { HistoryEntry } from '../../../src/api/evidence-contract.ts'
import { apiPrefix } from '../../../src/api/prefix.ts'
import { links } from '../links.ts'
import { operationColor } from './colors.ts'
import { duration } from './format.ts'
import { When } from './when.tsx'

/** Operations with what was measured against the objective of their time. */
export function HistoryTable(props: { entries: readonly HistoryEntry[]; label: string }) {
  const { entries, label } = props
  return (
    <Table.ScrollContainer minWidth={720} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
      <Table aria-label={label} className="steady" verticalSpacing={6}>
        <Table.Thead>
          <Table.Tr>
            {['what', 'outcome', 'started', 'took', 'RTA / RTO', 'RPA / RPO', 'by', 'report'].map(
              (heading) => (
                <Table.Th key={heading}>{heading}</Table.Th>
              ),
            )}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {entries.map((entry) => (
            <Row key={entry.id} entry={entry} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function Row({ entry }: { entry: HistoryEntry }) {
  const { id, type, epoch, began, by, status, outcome, startedAt, endedAt, report } = entry
  return (
    <Table.Tr data-operation={id} data-outcome={outcome ?? status}>
      <Table.Td>
        <Anchor component={Link} href={links.operation(id)} size="sm" fw={600}>
          {type}
        </Anchor>
        <Text size="xs" c="dimmed">
          epoch {began === null ? epoch : `${epoch} → ${began}`}
        </Text>
      </Table.Td>
      <Table.Td>
        <Badge color={operationColor({ outcome, status })} variant="light">
          {outcome ?? status}
        </Badge>
      </Table.Td>
      <Table.Td>
        <When at={startedAt} />
      </Table.Td>
      <Table.Td>
        {endedAt === null ? 'under way' : duration(Date.parse(endedAt) - Date.parse(startedAt))}
      </Table.Td>
      <Table.Td>
        <Against value={entry.rtaMs} objective={entry.rtoMs} isLeast={entry.atLeast} />
      </Table.Td>
      <Table.Td>
        <Against value={entry.rpaMs} objective={entry.rpoMs} />
      </Table.Td>
      <Table.Td className="anywhere">{by ?? 'unknown'}</Table.Td>
      <Table.Td>
        {report ? (
          <Anchor href={`${apiPrefix}/${report.replace(/^\//, '')}.html`} size="sm">
            Report<span className="unseen"> of {id}</span>
          </Anchor>
        ) : null}
      </Table.Td>
    </Table.Tr>
  )
}

/** Nothing was to be measured, nothing could be, or how it stands to the objective. */
function Against(props: { value: number | null; objective: number | null; isLeast?: boolean }) {
  const { value, objective, isLeast = false } = props
  if (objective === null)
    return (
      <Text span c="dimmed" size="sm">
        –
      </Text>
    )
  if (value === null)
    return (
      <Text span size="sm" c="orange">
        not measured
      </Text>
    )
  // What may have been longer is not known to be within.
  const [mark, color] = value > objective ? ['✖', 'red'] : isLeast ? ['?', 'orange'] : ['●', 'teal']
  return (
    <Text span size="sm" c={color}>
      {mark} {isLeast ? '≥ ' : ''}
      {duration(value)} / {duration(objective)}
    </Text>
  )
}
