import { Badge, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import type { Operation } from '../../../src/api/contract.ts'
import { api } from '../api.ts'
import { links } from '../links.ts'
import type { GroupPageProps } from '../pages.tsx'
import { operationColor } from '../parts/colors.ts'
import { duration, moment } from '../parts/format.ts'
import { Heading } from '../parts/heading.tsx'
import { Empty, Loading, Problem } from '../parts/states.tsx'

export function OperationsPage({ group }: GroupPageProps) {
  const { operation } = group
  const list = useQuery({
    // The live status tells when there is something new to read.
    queryKey: ['operations', group.group, operation?.id, operation?.status, operation?.outcome],
    queryFn: ({ signal }) => api.operations(group.group, { signal }),
  })
  return (
    <>
      <Heading
        title="Operations"
        text="Everything that was asked for, newest first."
        trail={[[group.group, links.group(group.group)]]}
      />
      {list.error ? (
        <Problem error={list.error} retry={() => void list.refetch()} />
      ) : !list.data ? (
        <Loading what="the journal" />
      ) : list.data.length === 0 ? (
        <Empty
          title="No operation yet"
          text="Background passes are not listed; they run all the time."
        />
      ) : (
        <div className="plain-list">
          {list.data.map((each) => (
            <Row key={each.id} operation={each} />
          ))}
        </div>
      )}
    </>
  )
}

function Row({ operation }: { operation: Operation }) {
  const { id, type, status, outcome, startedAt, endedAt, epoch, error } = operation
  return (
    <Link href={links.operation(id)} className="plain-row" data-operation={id}>
      <Text span fw={600} w={100} display="inline-block">
        {type}
      </Text>
      <Badge color={operationColor(operation)} variant="light">
        {outcome ?? status}
      </Badge>
      <Text span size="sm" className="steady">
        {moment(startedAt)}
        {endedAt === null
          ? ' · under way'
          : ` · took ${duration(Date.parse(endedAt) - Date.parse(startedAt))}`}{' '}
        · from epoch {epoch}
      </Text>
      {error ? (
        <Text span size="sm" c="red" className="anywhere">
          {error.message}
        </Text>
      ) : null}
    </Link>
  )
}
