import { Alert, Badge, Group, List, Stack, Table, Text, TextInput, Title } from '@mantine/core'
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import type { DecisionEntry, GroupStatus } from '../../../src/api/contract.ts'
import { api, followCursors } from '../api.ts'
import { links } from '../links.ts'
import type { GroupPageProps } from '../pages.tsx'
import { readable } from '../parts/format.ts'
import { Heading } from '../parts/heading.tsx'
import { RoleButton } from '../parts/role-button.tsx'
import { ShowOlder } from '../parts/show-older.tsx'
import { Empty, Loading, Problem } from '../parts/states.tsx'
import { When } from '../parts/when.tsx'

/** Which signal, by which rule, made whom do what; and what a person has to say to it. */
export function DecisionsPage({ group }: GroupPageProps) {
  const { decision } = group
  const list = useInfiniteQuery({
    queryKey: [
      'decisions',
      group.group,
      decision.rule,
      decision.pausedFor,
      decision.unacknowledgedSince,
    ],
    queryFn: ({ pageParam, signal }) => api.decisions(group.group, pageParam, { signal }),
    ...followCursors,
    refetchInterval: 10_000,
  })
  const entries = list.data?.pages.flatMap(({ items }) => items)
  return (
    <>
      <Heading
        title="Decisions"
        text="Whether and why the group was moved, or was not."
        trail={[[group.group, links.group(group.group)]]}
      />
      <Stack gap="md">
        <Acknowledge group={group} />
        <Now group={group} />
        <Pause group={group} />
        <Title order={2} size="h5">
          What was decided
        </Title>
        {list.error ? (
          <Problem error={list.error} retry={() => void list.refetch()} />
        ) : !entries ? (
          <Loading what="the controller for its decisions" />
        ) : entries.length === 0 ? (
          <Empty title="Nothing was decided yet" text="Every member answered ever since." />
        ) : (
          <>
            <Entries entries={entries} />
            <ShowOlder pages={list} />
          </>
        )}
      </Stack>
    </>
  )
}

function useOrder(order: () => Promise<void>) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: order,
    onSuccess: () => client.invalidateQueries({ queryKey: ['decisions'] }),
  })
}

/** An automatic failover holds back the next one until somebody has looked (design D9). */
function Acknowledge({ group }: { group: GroupStatus }) {
  const since = group.decision.unacknowledgedSince
  const acknowledge = useOrder(() => api.acknowledge(group.group))
  if (since === null) return null
  return (
    <Alert color="orange" title="▲ A failover was made by itself" data-testid="unacknowledged">
      <Text size="sm" mb="xs" component="div">
        It was made <When at={since} />. No other one is made by itself until somebody acknowledges
        it.
      </Text>
      <RoleButton
        group={group.group}
        operation="POST /api/v1/groups/:group/acknowledge"
        size="xs"
        loading={acknowledge.isPending}
        onClick={() => acknowledge.mutate()}
      >
        Acknowledge it
      </RoleButton>
      {acknowledge.error ? <Problem error={acknowledge.error} /> : null}
    </Alert>
  )
}

function Now({ group }: { group: GroupStatus }) {
  const { automatic, action, sentence, rule, vantagePoints } = group.decision
  return (
    <section aria-label="now">
      <Group gap="sm" mb={4}>
        <Badge variant="light" color={action === 'none' || action === null ? 'gray' : 'orange'}>
          {action ?? 'not yet judged'}
        </Badge>
        <Text size="sm">
          {automatic ? 'The controller fails over by itself.' : 'A person decides.'}
        </Text>
      </Group>
      {sentence ? (
        <Text className="anywhere">
          {readable(sentence)}{' '}
          {rule ? (
            <Text span size="sm" c="dimmed">
              rule {rule}
            </Text>
          ) : null}
        </Text>
      ) : null}
      {vantagePoints.length > 0 ? (
        <List size="sm" mt="xs" data-testid="vantage-points">
          {vantagePoints.map(({ name, sentence: seen, at }) => (
            <List.Item key={name}>
              {name}: {seen === null ? 'has not reported' : readable(seen)}{' '}
              {at === null ? null : <When at={at} />}
            </List.Item>
          ))}
        </List>
      ) : null}
    </section>
  )
}

function Pause({ group }: { group: GroupStatus }) {
  const { pausedFor } = group.decision
  const [reason, setReason] = useState('')
  const pause = useOrder(() => api.pause(group.group, reason.trim()))
  const resume = useOrder(() => api.resume(group.group))
  if (pausedFor !== null)
    return (
      <Alert color="orange" title="Decisions are paused" data-testid="paused">
        <Text size="sm" mb="xs">
          {pausedFor}
        </Text>
        <RoleButton
          group={group.group}
          operation="POST /api/v1/groups/:group/resume"
          size="xs"
          loading={resume.isPending}
          onClick={() => resume.mutate()}
        >
          Go on deciding
        </RoleButton>
        {resume.error ? <Problem error={resume.error} /> : null}
      </Alert>
    )
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (reason.trim()) pause.mutate(undefined, { onSuccess: () => setReason('') })
  }
  return (
    <form onSubmit={submit} className="unprinted">
      <Group gap="sm" align="end">
        <TextInput
          label="Pause decisions because of"
          placeholder="maintenance of the network"
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          maxLength={500}
          w={280}
        />
        <RoleButton
          group={group.group}
          operation="POST /api/v1/groups/:group/pause"
          type="submit"
          variant="default"
          disabled={reason.trim() === ''}
          loading={pause.isPending}
        >
          Pause
        </RoleButton>
      </Group>
      {pause.error ? <Problem error={pause.error} /> : null}
    </form>
  )
}

function Entries({ entries }: { entries: readonly DecisionEntry[] }) {
  return (
    <Table.ScrollContainer minWidth={720} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
      <Table aria-label="decisions" verticalSpacing={6}>
        <Table.Thead>
          <Table.Tr>
            {['when', 'who', 'what', 'rule', 'signal', 'result'].map((heading) => (
              <Table.Th key={heading}>{heading}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {entries.map(({ at, actor, action, rule, signal, result }, index) => (
            <Table.Tr key={`${at}:${index}`} data-action={action}>
              <Table.Td>
                <When at={at} />
              </Table.Td>
              <Table.Td style={{ whiteSpace: 'nowrap' }}>{actor}</Table.Td>
              <Table.Td>{action}</Table.Td>
              <Table.Td style={{ whiteSpace: 'nowrap' }}>{rule}</Table.Td>
              <Table.Td className="anywhere">{readable(signal)}</Table.Td>
              <Table.Td className="anywhere">{result === null ? '–' : readable(result)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}
