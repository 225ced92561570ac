import { Anchor, Table, Text } from '@mantine/core'
import { Link } from 'wouter'
import type { GroupStatus, KindCount } from '../../../src/api/contract.ts'
import { links } from '../links.ts'
import { bytes } from './format.ts'

const always = ['proven', 'pending', 'failed', 'conflict'] as const
type State = (typeof always)[number] | 'apart'
const alarm: Partial<Record<State, string>> = { failed: 'red', conflict: 'orange', apart: 'gray' }

/** Each number leads to the objects it counts. What was decided to stay apart has a column where there is any. */
export function Counts({ group }: { group: GroupStatus }) {
  const hasApart = group.counts.some(({ apart }) => apart > 0)
  const states: readonly State[] = hasApart ? [...always, 'apart'] : always
  if (group.counts.length === 0) return <Text c="dimmed">Nothing has been replicated yet.</Text>
  return (
    <Table.ScrollContainer minWidth={520} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
      <Table striped aria-label="objects by kind" data-testid="counts" className="steady">
        <Table.Thead>
          <Table.Tr>
            {['kind', 'in scope', ...states, 'size'].map((heading, i) => (
              <Table.Th key={heading} ta={i === 0 ? 'left' : 'right'}>
                {heading}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {group.counts.map((count) => (
            <Row key={count.kind} group={group.group} count={count} states={states} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function Row(props: { group: string; count: KindCount; states: readonly State[] }) {
  const { group, count, states } = props
  const { kind, inScope } = count
  return (
    <Table.Tr data-kind={kind}>
      <Table.Td>
        <Anchor component={Link} href={links.objects(group, { kind })} size="sm">
          {kind}
        </Anchor>
      </Table.Td>
      <Table.Td ta="right">{inScope.toLocaleString('en')}</Table.Td>
      {states.map((state) => (
        <Table.Td key={state} ta="right">
          {count[state] > 0 && alarm[state] ? (
            <Anchor
              component={Link}
              href={links.objects(group, { kind, state })}
              size="sm"
              fw={700}
              c={alarm[state]}
            >
              {count[state].toLocaleString('en')}
            </Anchor>
          ) : (
            count[state].toLocaleString('en')
          )}
        </Table.Td>
      ))}
      <Table.Td ta="right">{bytes(count.bytes)}</Table.Td>
    </Table.Tr>
  )
}
