import { Button, Group, Select, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useEffect, useState } from 'react'
import { useLocation, useSearchParams } from 'wouter'
import type { LedgerRow } from '../../../src/api/contract.ts'
import { links } from '../links.ts'
import type { GroupPageProps } from '../pages.tsx'
import { rowColor, rowMark } from '../parts/colors.ts'
import { bytes, moment } from '../parts/format.ts'
import { Heading } from '../parts/heading.tsx'
import { Empty, Loading, Problem } from '../parts/states.tsx'
import { useLedgerRows } from '../parts/use-ledger-rows.ts'
import { VirtualRows } from '../parts/virtual-rows.tsx'

const states = ['proven', 'pending', 'failed', 'conflict', 'apart', 'skipped']

/** The ledger. The filter is the address, so that a list can be sent to somebody. */
export function ObjectsPage({ group }: GroupPageProps) {
  const [search] = useSearchParams()
  const filter = {
    kind: search.get('kind') ?? '',
    state: search.get('state') ?? '',
    name: search.get('name') ?? '',
  }
  return (
    <>
      <Heading title="Objects" trail={[[group.group, links.group(group.group)]]} />
      <Filter group={group} filter={filter} />
      <Rows key={JSON.stringify(filter)} group={group.group} filter={filter} />
    </>
  )
}

type ObjectFilter = Readonly<Record<'kind' | 'state' | 'name', string>>

function Filter({ group, filter }: Pick<GroupPageProps, 'group'> & { filter: ObjectFilter }) {
  const [, go] = useLocation()
  const [name, setName] = useState(filter.name)
  const [settled] = useDebouncedValue(name, 250)
  const change = (part: Partial<ObjectFilter>) =>
    go(links.objects(group.group, { ...filter, ...part }), { replace: true })
  useEffect(() => {
    if (settled !== filter.name) change({ name: settled })
  }, [settled])
  return (
    <Group gap="sm" mb="sm" className="unprinted" align="end">
      <Select
        label="Kind"
        placeholder="every kind"
        data={group.counts.map(({ kind }) => kind)}
        value={filter.kind || null}
        onChange={(kind) => change({ kind: kind ?? '' })}
        clearable
        clearButtonProps={{ 'aria-label': 'every kind' }}
        searchable
        w={190}
      />
      <Select
        label="State"
        placeholder="every state"
        data={states}
        value={filter.state || null}
        onChange={(state) => change({ state: state ?? '' })}
        clearable
        clearButtonProps={{ 'aria-label': 'every state' }}
        w={150}
      />
      <TextInput
        label="Name holds"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        w={200}
      />
      {filter.kind || filter.state || filter.name ? (
        <Button
          variant="default"
          onClick={() => {
            setName('')
            go(links.objects(group.group))
          }}
        >
          Show all
        </Button>
      ) : null}
    </Group>
  )
}

function Rows({ group, filter }: { group: string; filter: ObjectFilter }) {
  const rows = useLedgerRows(group, given(filter))
  if (rows.error) return <Problem error={rows.error} retry={rows.retry} />
  if (rows.count === undefined) return <Loading what="the ledger" />
  if (rows.count === 0)
    return (
      <Empty
        title="No object"
        text={
          filter.kind || filter.state || filter.name
            ? 'None is in this state and of this name.'
            : 'The first pass has not looked yet.'
        }
      />
    )
  return (
    <>
      <VirtualRows
        label="objects"
        count={rows.count}
        rowAt={rows.rowAt}
        keyOf={(row) => row.object}
        hrefOf={(row) => links.object(group, row.object)}
        columns="object-columns"
        onShown={rows.onShown}
        render={objectRow}
      />
      <Text size="sm" c="dimmed" mt={4} data-testid="row-count" className="steady">
        {rows.isCounted ? `${rows.count.toLocaleString('en')} in all` : 'Counting…'}
      </Text>
    </>
  )
}

function given(filter: ObjectFilter): Partial<ObjectFilter> {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== ''))
}

/** Plain elements: they pass by the hundred. */
function objectRow(row: LedgerRow) {
  return (
    <>
      <span className="cut" title={row.object}>
        {decodeURIComponent(row.object)}
      </span>
      <span
        className="row-state"
        style={{ color: `var(--mantine-color-${rowColor(row.state)}-text)` }}
      >
        {rowMark(row.state)} {row.state}
      </span>
      <span className="steady wide row-bytes">{bytes(row.bytes)}</span>
      <span className="steady wide row-at" title={moment(row.at)}>
        {moment(row.at).slice(0, 16)}
      </span>
    </>
  )
}
