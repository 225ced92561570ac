import { Button, SegmentedControl, Text } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useLocation, useSearchParams } from 'wouter'
import type { RunSummary } from '../../../src/api/detail-contract.ts'
import { api, followCursors } from '../api.ts'
import { links } from '../links.ts'
import type { GroupPageProps } from '../pages.tsx'
import { moment } from '../parts/format.ts'
import { Heading } from '../parts/heading.tsx'
import { runTree } from '../parts/run-tree.ts'
import { Empty, Loading, Problem } from '../parts/states.tsx'
import { VirtualRows } from '../parts/virtual-rows.tsx'

/** Runs as a member has them now, children below their parents. */
export function RunsPage({ group }: GroupPageProps) {
  const [search] = useSearchParams()
  const [, go] = useLocation()
  const member = search.get('member') ?? group.effectivePrimary
  const choose = (name: string) =>
    go(`${links.runs(group.group)}?member=${encodeURIComponent(name)}`, { replace: true })
  return (
    <>
      <Heading title="Runs" trail={[[group.group, links.group(group.group)]]}>
        <SegmentedControl
          aria-label="read them from"
          size="xs"
          data={group.members.map(({ name }) => name)}
          value={member}
          onChange={choose}
        />
      </Heading>
      <Tree key={member} group={group} member={member} other={choose} />
    </>
  )
}

function Tree(
  props: Pick<GroupPageProps, 'group'> & { member: string; other: (m: string) => void },
) {
  const { group, member, other } = props
  const pages = useInfiniteQuery({
    queryKey: ['runs', group.group, member],
    queryFn: ({ pageParam, signal }) => api.runs(group.group, { member, ...pageParam }, { signal }),
    ...followCursors,
  })
  const elsewhere = group.members.find(({ name }) => name !== member)?.name
  if (pages.error)
    return (
      <>
        <Problem error={pages.error} retry={() => void pages.refetch()} />
        {elsewhere ? (
          <Button mt="sm" variant="default" size="sm" onClick={() => other(elsewhere)}>
            Read them from {elsewhere}
          </Button>
        ) : null}
      </>
    )
  if (!pages.data) return <Loading what={member} />
  const rows = runTree(pages.data.pages.flatMap(({ items }) => items))
  // A service may answer an empty page with more to come: one for each experiment.
  const more = pages.hasNextPage && !pages.isFetchingNextPage ? pages.fetchNextPage : undefined
  if (rows.length === 0 && more) void more()
  if (rows.length === 0)
    return pages.hasNextPage ? (
      <Loading what={member} />
    ) : (
      <Empty title="No run" text={`${member} has no run history.`} />
    )
  return (
    <VirtualRows
      label="runs"
      count={rows.length}
      rowAt={(index) => rows[index]}
      keyOf={({ run }) => run.run}
      hrefOf={({ run }) => links.run(group.group, run.run)}
      columns="object-columns"
      onShown={(_, last) => last >= rows.length - 100 && more?.()}
      render={runRow}
    />
  )
}

function runRow({ run, depth }: { run: RunSummary; depth: number }) {
  return (
    <>
      <span className="cut" style={{ paddingLeft: depth * 18 }}>
        {depth > 0 ? '└ ' : ''}
        {run.name ?? run.run}
        <Text span size="sm" c="dimmed" ml="xs">
          {run.name && run.name !== run.run ? run.run : ''} {run.experiment}
        </Text>
      </span>
      <Text span size="sm">
        {run.status}
      </Text>
      <span className="wide" />
      <Text span size="sm" className="steady wide">
        {moment(run.startedAt ?? run.modifiedAt).slice(0, 16)}
      </Text>
    </>
  )
}
