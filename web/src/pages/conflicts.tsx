import { Alert, Button, Card, Group, Stack, Text } from '@mantine/core'
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { Link } from 'wouter'
import type { Conflict, ConflictsPage as Page } from '../../../src/api/conflict-contract.ts'
import { api, followCursors } from '../api.ts'
import { links } from '../links.ts'
import type { GroupPageProps } from '../pages.tsx'
import { Changes } from '../parts/changes.tsx'
import { count } from '../parts/format.ts'
import { Heading } from '../parts/heading.tsx'
import { RoleButton } from '../parts/role-button.tsx'
import { ShowOlder } from '../parts/show-older.tsx'
import { Empty, Loading, Problem } from '../parts/states.tsx'
import { isTyped, TypedPhrase } from '../parts/typed-phrase.tsx'
import { When } from '../parts/when.tsx'
import { useWhyNot } from '../session.ts'

type Keep = 'source' | 'target' | 'both'
const sides: readonly Keep[] = ['source', 'target', 'both']

/** What both sides changed: each side beside the other, and whose content shall stand. */
export function ConflictsPage({ group }: GroupPageProps) {
  const conflicts = useInfiniteQuery({
    queryKey: ['conflicts', group.group, group.epoch],
    queryFn: ({ pageParam, signal }) => api.conflicts(group.group, pageParam, { signal }),
    ...followCursors,
    refetchInterval: 10_000,
  })
  return (
    <>
      <Heading
        title="Conflicts"
        text="What changed at both sides. Neither is overwritten until somebody decides."
        trail={[[group.group, links.group(group.group)]]}
      >
        <Button
          variant="default"
          size="sm"
          loading={conflicts.isFetching}
          onClick={() => void conflicts.refetch()}
        >
          Read again
        </Button>
      </Heading>
      {conflicts.error ? (
        <Problem error={conflicts.error} retry={() => void conflicts.refetch()} />
      ) : conflicts.data ? (
        <>
          <All group={group.group} pages={conflicts.data.pages} />
          <ShowOlder pages={conflicts} label="Show more" />
        </>
      ) : (
        <Loading what="both sides of each conflict" />
      )}
    </>
  )
}

function All({ group, pages }: { group: string; pages: readonly Page[] }) {
  const items = pages.flatMap((page) => page.items)
  const total = pages.at(-1)?.total ?? 0
  if (items.length === 0)
    return <Empty title="No conflict" text="No object was changed at both sides." />
  return (
    <Stack gap="md">
      {items.map((conflict) => (
        <ConflictCard key={conflict.object} group={group} conflict={conflict} />
      ))}
      {total > items.length ? (
        <Text size="sm">
          <Link href={links.objects(group, { state: 'conflict' })}>
            {count(total - items.length, 'more conflict')}
          </Link>
        </Text>
      ) : null}
    </Stack>
  )
}

function ConflictCard({ group, conflict }: { group: string; conflict: Conflict }) {
  const { object, reason, source, target, changes } = conflict
  return (
    <Card
      withBorder
      padding="md"
      component="section"
      aria-label={object}
      data-testid={`conflict-${object}`}
    >
      <Text fw={600} className="anywhere">
        <Link href={links.object(group, object)}>{decodeURIComponent(object)}</Link>
      </Text>
      <Text size="sm" className="anywhere">
        {reason}
      </Text>
      <Group gap="xl" my="xs">
        <Side name="source" side={source} />
        <Side name="target" side={target} />
      </Group>
      {changes === null ? (
        <Alert color="orange" title="One side cannot be read any more" />
      ) : changes.length === 0 ? (
        <Text size="sm">The documents are equal; what they hold (values, bytes) differs.</Text>
      ) : (
        <Changes
          label={`fields of ${object}`}
          columns={[`${source.member} (source)`, `${target.member} (target)`]}
          rows={changes.map(({ path, from, to }) => ({ path, values: [to, from] }))}
        />
      )}
      <Decided conflict={conflict} />
      <Decide group={group} conflict={conflict} />
    </Card>
  )
}

function Side({ name, side }: { name: string; side: Conflict['source'] }) {
  return (
    <div>
      <Text size="sm" fw={600}>
        {side.member}, the {name}
      </Text>
      <Text size="sm" c="dimmed" component="div">
        last changed {side.at === null ? 'at an unknown time' : <When at={side.at} />} by{' '}
        {side.by ?? 'somebody'}
      </Text>
    </div>
  )
}

function Decided({ conflict }: { conflict: Conflict }) {
  const { decision, isApart } = conflict
  if (decision === null) return null
  const { keep, at } = decision
  return (
    <Text size="sm" mt="xs">
      {at === null ? 'The plan rules' : 'It was decided'}{' '}
      {keep === 'both'
        ? `that both keep their own${isApart ? '' : ', from the next sync on'}.`
        : `that the content of ${conflict[keep].member} stands; each sync tries until it does.`}
    </Text>
  )
}

const isOpen = ({ isApart, fixed }: Conflict, keep: Keep) =>
  keep === 'both' ? !isApart : fixed.length === 0

const offer = (conflict: Conflict, keep: Keep) =>
  keep === 'both' ? 'Leave both as they are' : `Keep what ${conflict[keep].member} has`

function Decide({ group, conflict }: { group: string; conflict: Conflict }) {
  const [keep, setKeep] = useState<Keep>()
  if (keep)
    return (
      <Confirm
        key={keep}
        group={group}
        conflict={conflict}
        keep={keep}
        leave={() => setKeep(undefined)}
      />
    )
  return (
    <Group gap="xs" mt="sm" className="unprinted">
      {sides
        .filter((side) => isOpen(conflict, side))
        .map((side) => (
          <Button key={side} size="xs" variant="default" onClick={() => setKeep(side)}>
            {offer(conflict, side)}…
          </Button>
        ))}
    </Group>
  )
}

/** The controller says what would happen; what it says is what is typed for. */
function Confirm(props: { group: string; conflict: Conflict; keep: Keep; leave: () => void }) {
  const { group, conflict, keep, leave } = props
  const client = useQueryClient()
  const [typed, setTyped] = useState('')
  const { object } = conflict
  const phrase = `keep ${keep === 'both' ? 'both' : conflict[keep].member}`
  const isConfirmed = isTyped(phrase, typed)
  const whyNot = useWhyNot(group, 'POST /api/v1/groups/:group/conflicts/resolve')
  const preview = useQuery({
    queryKey: ['resolve', group, object, keep, conflict.source.at, conflict.target.at],
    queryFn: ({ signal }) => api.resolveConflict(group, { object, keep, dryRun: true }, { signal }),
    enabled: whyNot === undefined,
  })
  const resolve = useMutation({
    mutationFn: () => api.resolveConflict(group, { object, keep, dryRun: false }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['conflicts', group] }),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (isConfirmed && whyNot === undefined) resolve.mutate()
  }
  if (resolve.data)
    return (
      <Alert color="teal" mt="sm" title="Decided" role="status">
        {resolve.data.sentence} <Link href={links.start(group, 'sync')}>Synchronise now</Link>
      </Alert>
    )
  return (
    <form onSubmit={submit}>
      <Alert color="orange" mt="sm" title={offer(conflict, keep)}>
        {whyNot ? (
          <Text size="sm">{whyNot}</Text>
        ) : preview.error ? (
          <Problem error={preview.error} />
        ) : (
          (preview.data?.sentence ?? 'Asking what would happen…')
        )}
      </Alert>
      <TypedPhrase phrase={phrase} typed={typed} onType={setTyped} autoFocus />
      <Group gap="xs" mt="sm">
        <RoleButton
          group={group}
          operation="POST /api/v1/groups/:group/conflicts/resolve"
          type="submit"
          size="xs"
          color="red"
          disabled={!isConfirmed || !preview.data}
          loading={resolve.isPending}
        >
          {keep === 'both' ? 'Leave them' : 'Keep it'}
        </RoleButton>
        <Button size="xs" variant="default" onClick={leave}>
          Leave it
        </Button>
      </Group>
      {resolve.error ? <Problem error={resolve.error} /> : null}
    </form>
  )
}
