import { Alert, Badge, Card, Code, Group, Stack, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { StableEndpointView } from '../../../src/api/detail-contract.ts'
import { api } from '../api.ts'
import { links } from '../links.ts'
import type { GroupPageProps } from '../pages.tsx'
import { Heading } from '../parts/heading.tsx'
import { Empty, Loading, Problem } from '../parts/states.tsx'
import { When } from '../parts/when.tsx'

/** Whom each stable endpoint leads to, asked once a second: a switch is watched here. */
export function EndpointsPage({ group }: GroupPageProps) {
  const endpoints = useQuery({
    queryKey: ['endpoints', group.group],
    queryFn: ({ signal }) => api.endpoints(group.group, { limit: 1000 }, { signal }),
    refetchInterval: 1000,
  })
  const items = endpoints.data?.items
  return (
    <>
      <Heading
        title="Stable endpoints"
        text="Addresses that outlive the region behind them, and whom they lead to now."
        trail={[[group.group, links.group(group.group)]]}
      />
      {endpoints.error && !items ? (
        <Problem error={endpoints.error} retry={() => void endpoints.refetch()} />
      ) : !items ? (
        <Loading what="each endpoint" />
      ) : items.length === 0 ? (
        <Empty
          title="No stable endpoint"
          text="Clients have to be told by hand where to go. Add `endpoints:` to continuity.yaml."
        />
      ) : (
        <Stack gap="md">
          {items.map((item) => (
            <EndpointCard key={item.name} item={item} primary={group.effectivePrimary} />
          ))}
        </Stack>
      )}
    </>
  )
}

function EndpointCard({ item, primary }: { item: StableEndpointView; primary: string }) {
  const { leadsTo, error, carries, address } = item
  const isRight = leadsTo?.member === primary
  return (
    <Card withBorder padding="md" data-testid={`endpoint-${item.name}`}>
      <Group gap="sm">
        <Text fw={600} className="anywhere">
          {item.name}
        </Text>
        <Badge color={isRight ? 'teal' : 'orange'} variant="light" data-testid="leads-to">
          {leadsTo ? `→ ${leadsTo.member}` : 'leads nowhere'}
        </Badge>
        {leadsTo ? (
          <Badge variant="outline" color="gray">
            epoch {leadsTo.epoch}
          </Badge>
        ) : null}
      </Group>
      <Text size="sm" c="dimmed" className="anywhere">
        {carries === 'requests' ? 'Requests go through it' : 'Clients read there where to go'}
        {address ? ` · ${address}` : ''}
      </Text>
      {error ? (
        <Alert color="orange" mt="sm" title={error.message}>
          <Code>{error.code}</Code>
        </Alert>
      ) : null}
      {item.gateway ? <Counters gateway={item.gateway} /> : null}
    </Card>
  )
}

function Counters({ gateway }: { gateway: NonNullable<StableEndpointView['gateway']> }) {
  const rows = Object.entries(gateway.endpoints)
  if (rows.length === 0)
    return (
      <Text size="sm" mt="sm">
        No request since the gateway started.
      </Text>
    )
  return (
    <Table.ScrollContainer minWidth={560} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
      <Table aria-label="requests" className="steady" mt="sm">
        <Table.Thead>
          <Table.Tr>
            {['to', 'requests', 'failed', 'retried', '5xx', 'under way', 'last answer'].map(
              (heading, i) => (
                <Table.Th key={heading} ta={i === 0 ? 'left' : 'right'}>
                  {heading}
                </Table.Th>
              ),
            )}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map(([name, c]) => (
            <Table.Tr key={name} data-counter={name}>
              <Table.Td>{name}</Table.Td>
              <Table.Td ta="right">{c.requests.toLocaleString('en')}</Table.Td>
              <Table.Td ta="right" c={c.failed > 0 ? 'red' : 'inherit'}>
                {c.failed}
              </Table.Td>
              <Table.Td ta="right">{c.retried}</Table.Td>
              <Table.Td ta="right" c={c.serverErrors > 0 ? 'red' : 'inherit'}>
                {c.serverErrors}
              </Table.Td>
              <Table.Td ta="right">{c.inFlight}</Table.Td>
              <Table.Td ta="right">
                {c.lastAnswerFrom ?? 'none'} {c.lastAnswerAt ? <When at={c.lastAnswerAt} /> : null}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}
