import { Code, Table, Text } from '@mantine/core'
import { useState } from 'react'
import { count } from './format.ts'
import { shownValue } from './value.ts'

const shownAtFirst = 20

export interface ChangedField {
  readonly path: string
  readonly values: readonly [unknown, unknown]
}

/** The fields that differ, one side beside the other. */
export function Changes(props: {
  label: string
  columns: readonly [string, string]
  rows: readonly ChangedField[]
}) {
  const { label, columns, rows } = props
  const [all, setAll] = useState(false)
  const shown = all ? rows : rows.slice(0, shownAtFirst)
  return (
    <>
      <Table.ScrollContainer minWidth={520} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
        <Table aria-label={label} verticalSpacing={4}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th w={220}>field</Table.Th>
              {columns.map((column) => (
                <Table.Th key={column}>{column}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {shown.map(({ path, values }) => (
              <Table.Tr key={path} data-path={path}>
                <Table.Td className="anywhere">{path}</Table.Td>
                {values.map((value, index) => (
                  <Table.Td key={columns[index]} className="anywhere">
                    <Code>{shownValue(value)}</Code>
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {rows.length > shown.length ? (
        <Text size="sm">
          <button type="button" className="link" onClick={() => setAll(true)}>
            Show {count(rows.length - shown.length, 'more field')}
          </button>
        </Text>
      ) : null}
    </>
  )
}
