import { Alert, Badge, Button, Code, Group, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useSearchParams } from 'wouter'
import type { ObjectDetail } from '../../../src/api/detail-contract.ts'
import { api } from '../api.ts'
import { links } from '../links.ts'
import type { GroupPageProps } from '../pages.tsx'
import { rowColor, rowMark } from '../parts/colors.ts'
import { bytes, moment } from '../parts/format.ts'
import { Heading } from '../parts/heading.tsx'
import { FieldTable, SidesSummary } from '../parts/sides.tsx'
import { Empty, Loading, Problem } from '../parts/states.tsx'

/** One object: what the ledger says, and what both sides say at this moment. */
export function ObjectPage({ group }: GroupPageProps) {
  const [search] = useSearchParams()
  const id = search.get('id') ?? ''
  const detail = useQuery({
    queryKey: ['object', group.group, id, group.epoch],
    queryFn: ({ signal }) => api.object(group.group, id, { signal }),
    enabled: id !== '',
  })
  return (
    <>
      <Heading
        title={decodeURIComponent(id)}
        trail={[
          [group.group, links.group(group.group)],
          ['Objects', links.objects(group.group)],
        ]}
      >
        {id.startsWith('run/') ? (
          <Button
            component={Link}
            size="sm"
            href={links.run(group.group, decodeURIComponent(id.slice('run/'.length)))}
          >
            Metrics and proof
          </Button>
        ) : null}
        <Button
          variant="default"
          size="sm"
          loading={detail.isFetching}
          onClick={() => void detail.refetch()}
        >
          Read again
        </Button>
      </Heading>
      {id === '' ? (
        <Empty title="No object is named" />
      ) : detail.error ? (
        <Problem error={detail.error} retry={() => void detail.refetch()} />
      ) : detail.data ? (
        <Detail detail={detail.data} />
      ) : (
        <Loading what="both regions" />
      )}
    </>
  )
}

function Detail({ detail }: { detail: ObjectDetail }) {
  const { verdict, source, target, readAt, fields, strategy } = detail
  return (
    <Stack gap="md">
      <div>
        <SidesSummary verdict={verdict} source={source} target={target} readAt={readAt} />
        <Text size="sm">Strategy {strategy}</Text>
      </div>
      <Ledger row={detail.row} />
      {verdict === 'equal' && fields.length === 0 ? (
        <Text>Every field is the same on both sides.</Text>
      ) : null}
      <FieldTable fields={fields} source={source.member} target={target.member} />
    </Stack>
  )
}

function Ledger({ row }: { row: ObjectDetail['row'] }) {
  if (row === null) return <Text c="dimmed">The ledger knows no such object.</Text>
  return (
    <section aria-label="ledger">
      <Group gap="sm">
        <Badge color={rowColor(row.state)} variant="light">
          {rowMark(row.state)} {row.state}
        </Badge>
        <Text size="sm" className="steady">
          in the ledger since {moment(row.at)} · {bytes(row.bytes)}
        </Text>
      </Group>
      {row.error ? (
        <Alert color="red" mt="xs" title={row.error.message}>
          <Code>{row.error.code}</Code>
        </Alert>
      ) : null}
      <Text size="xs" c="dimmed" className="anywhere" mt={4}>
        wanted {row.sourceDigest ?? 'unknown'} · proven {row.targetDigest ?? 'nothing'}
      </Text>
    </section>
  )
}
