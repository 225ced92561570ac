import { Alert, Badge, Code, Group, Table, Text } from '@mantine/core'
import type { FieldComparison, Side, SidesVerdict } from '../../../src/api/detail-contract.ts'
import { moment } from './format.ts'
import { shownValue } from './value.ts'

const verdicts: Readonly<Record<SidesVerdict, readonly [color: string, text: string]>> = {
  equal: ['teal', '● Read from both sides now: equal'],
  different: ['red', '✖ The sides differ'],
  missing: ['orange', '▲ One side does not have it'],
  unknown: ['gray', '? Not both sides could be read'],
}

/** What two sides said just now, and what follows from it. */
export function SidesSummary(props: {
  verdict: SidesVerdict
  source: Side
  target: Side
  readAt: string
}) {
  const { verdict, source, target, readAt } = props
  const [color, text] = verdicts[verdict]
  return (
    <>
      <Group gap="sm" mb="xs">
        <Badge color={color} size="lg" variant="light" data-testid="verdict-of-sides">
          {text}
        </Badge>
        <Text size="sm" c="dimmed" className="steady">
          {moment(readAt)}
        </Text>
      </Group>
      {[source, target].map((side) => (
        <SideLine key={side.member} side={side} role={side === source ? 'primary' : 'secondary'} />
      ))}
    </>
  )
}

function SideLine({ side, role }: { side: Side; role: string }) {
  if (side.error)
    return (
      <Alert color="orange" title={`${side.member} (${role}) could not be read`} mb="xs">
        {side.error.message} <Code>{side.error.code}</Code>
      </Alert>
    )
  return (
    <Text size="sm" className="steady">
      {side.member} ({role}): {side.state}
      {side.modifiedAt ? ` · changed ${moment(side.modifiedAt)}` : ''}
    </Text>
  )
}

const marks: Readonly<Record<FieldComparison['mark'], readonly [color: string, text: string]>> = {
  different: ['red', '✖ different'],
  'held-back': ['gray', '– held back'],
  relocated: ['teal', '→ relocated'],
}

/** Every field that is not literally the same, and why. */
export function FieldTable(props: {
  fields: readonly FieldComparison[]
  source: string
  target: string
}) {
  const { fields, source, target } = props
  if (fields.length === 0) return null
  return (
    <Table.ScrollContainer minWidth={640} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
      <Table aria-label="fields that differ" data-testid="fields" verticalSpacing={6}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th w={120}>why</Table.Th>
            <Table.Th w={220}>field</Table.Th>
            <Table.Th>{source}</Table.Th>
            <Table.Th>{target}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {fields.map(({ path, mark, source: from, target: to }) => (
            <Table.Tr key={path} data-mark={mark} data-path={path}>
              <Table.Td>
                <Text size="sm" fw={600} c={marks[mark][0]}>
                  {marks[mark][1]}
                </Text>
              </Table.Td>
              <Table.Td className="anywhere">{path}</Table.Td>
              <Table.Td className="anywhere">
                <Code>{shownValue(from)}</Code>
              </Table.Td>
              <Table.Td className="anywhere">
                <Code>{shownValue(to)}</Code>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}
