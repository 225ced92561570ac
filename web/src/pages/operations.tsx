import { Group, Select, Text } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useLocation, useSearchParams } from 'wouter'
import type { OperationType } from '../../../src/api/contract.ts'
import { api, followCursors } from '../api.ts'
import { links } from '../links.ts'
import type { GroupPageProps } from '../pages.tsx'
import { Heading } from '../parts/heading.tsx'
import { HistoryTable } from '../parts/history-table.tsx'
import { ShowOlder } from '../parts/show-older.tsx'
import { Empty, Loading, Problem } from '../parts/states.tsx'
import { procedureNames } from '../procedures.ts'

/** Everything that was asked for, with what it took; the kind that is shown stands in the address. */
export function OperationsPage({ group }: GroupPageProps) {
  const [search] = useSearchParams()
  const [, go] = useLocation()
  const asked = search.get('type')
  const type = procedureNames.find((name) => name === asked)
  return (
    <>
      <Heading
        title="Operations"
        text="Everything that was asked for, newest first, with what its report measured."
        trail={[[group.group, links.group(group.group)]]}
      />
      <Group mb="sm" className="unprinted">
        <Select
          label="Procedure"
          placeholder="every procedure"
          data={procedureNames}
          value={type ?? null}
          onChange={(value) =>
            go(links.operations(group.group, value ?? undefined), { replace: true })
          }
          clearable
          clearButtonProps={{ 'aria-label': 'every procedure' }}
          w={200}
        />
      </Group>
      <History group={group} type={type} />
    </>
  )
}

function History({
  group,
  type,
}: Pick<GroupPageProps, 'group'> & { type?: OperationType | undefined }) {
  const { operation } = group
  const pages = useInfiniteQuery({
    // The live status tells when there is something new to read.
    queryKey: ['history', group.group, type, operation?.id, operation?.status, operation?.outcome],
    queryFn: ({ pageParam, signal }) =>
      api.history(group.group, { ...(type ? { type } : {}), ...pageParam }, { signal }),
    ...followCursors,
  })
  if (pages.error) return <Problem error={pages.error} retry={() => void pages.refetch()} />
  if (!pages.data) return <Loading what="the journal" />
  const entries = pages.data.pages.flatMap(({ items }) => items)
  if (entries.length === 0)
    return (
      <Empty
        title={`No ${type ?? 'operation'} yet`}
        text="Background passes are not listed; they run all the time."
      />
    )
  return (
    <>
      <HistoryTable entries={entries} label="operations" />
      <Text size="sm" c="dimmed" mt="xs">
        RTA and RPA are measured by failovers, switchovers, failbacks and drills.
      </Text>
      <ShowOlder pages={pages} />
    </>
  )
}
