import { Alert, Button, Code, Stack, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { Dependency, Topology } from '../../../src/api/topology-contract.ts'
import { api } from '../api.ts'
import { links } from '../links.ts'
import type { GroupPageProps } from '../pages.tsx'
import { Heading } from '../parts/heading.tsx'
import { Empty, Loading, Problem } from '../parts/states.tsx'
import { relations, TopologyDrawing } from '../parts/topology-drawing.tsx'
import { When } from '../parts/when.tsx'

/** What each workspace stands on, and which of it would be there after the move. */
export function TopologyPage({ group }: GroupPageProps) {
  const found = useQuery({
    queryKey: ['topology', group.group, group.epoch],
    queryFn: ({ signal }) => api.topology(group.group, { signal }),
  })
  return (
    <>
      <Heading
        title="Topology"
        text="What each workspace depends on, and what the other side has of it."
        trail={[[group.group, links.group(group.group)]]}
      >
        <Button
          variant="default"
          size="sm"
          loading={found.isFetching}
          onClick={() => void found.refetch()}
        >
          Read again
        </Button>
      </Heading>
      {found.error ? (
        <Problem error={found.error} retry={() => void found.refetch()} />
      ) : found.data ? (
        <All topology={found.data} />
      ) : (
        <Loading what="both workspaces what they depend on" />
      )}
    </>
  )
}

function All({ topology }: { topology: Topology }) {
  const { source, target, dependencies, readAt } = topology
  return (
    <Stack gap="md">
      <Text size="sm" c="dimmed" component="div">
        read <When at={readAt} />
      </Text>
      {[source, target].map(({ member, error }) =>
        error ? (
          <Alert key={member} color="orange" title={`${member} could not be read`}>
            {error.message} <Code>{error.code}</Code>
          </Alert>
        ) : null,
      )}
      {dependencies.length === 0 ? (
        <Empty title="Nothing is known" text="Neither side names what it depends on." />
      ) : (
        <>
          <TopologyDrawing topology={topology} />
          <DependencyTable topology={topology} />
        </>
      )}
    </Stack>
  )
}

function DependencyTable({ topology }: { topology: Topology }) {
  const { source, target, dependencies } = topology
  return (
    <Table.ScrollContainer minWidth={640} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
      <Table aria-label="dependencies" verticalSpacing={6}>
        <Table.Thead>
          <Table.Tr>
            {['what', source.member, target.member, 'how', 'what it holds'].map((heading) => (
              <Table.Th key={heading}>{heading}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {dependencies.map((each) => (
            <Row key={`${each.category}:${each.source?.name}:${each.target?.name}`} each={each} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function Row({ each }: { each: Dependency }) {
  const { category, source, target, relation, copied } = each
  const { color, mark, text } = relations[relation]
  return (
    <Table.Tr data-dependency={category} data-relation={relation}>
      <Table.Td>{category}</Table.Td>
      {[source, target].map((end, index) => (
        <Table.Td
          key={index === 0 ? 'source' : 'target'}
          className="anywhere"
          title={end?.id ?? undefined}
        >
          {end?.name ?? '–'}
        </Table.Td>
      ))}
      <Table.Td>
        <Text span size="sm" fw={600} c={color}>
          {mark} {text}
        </Text>
      </Table.Td>
      <Table.Td>{copied ? 'replicated' : 'not copied'}</Table.Td>
    </Table.Tr>
  )
}
