import { Alert, Card, Checkbox, List, Stack, Text, Title } from '@mantine/core'
import { type UseQueryResult, useMutation, useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useLocation } from 'wouter'
import { allItems } from '../../../src/api/all-items.ts'
import type {
  Expectation,
  GroupStatus,
  Operation,
  OperationType,
} from '../../../src/api/contract.ts'
import { api } from '../api.ts'
import { links } from '../links.ts'
import { useNow } from '../live.ts'
import type { GroupPageProps } from '../pages.tsx'
import { count, duration, moment, readable } from '../parts/format.ts'
import { Heading } from '../parts/heading.tsx'
import { RoleButton } from '../parts/role-button.tsx'
import { Empty, Loading, Problem } from '../parts/states.tsx'
import { isTyped, TypedPhrase } from '../parts/typed-phrase.tsx'
import { otherMember, type Procedure, procedures, unproven } from '../procedures.ts'
import { useWhyNot } from '../session.ts'

/** Before: what would be done, what is at stake, how long it took before; then a deliberate start. */
export function StartPage({ group, params }: GroupPageProps) {
  const type = params.type as OperationType
  const procedure = procedures[type]
  if (!procedure)
    return (
      <Empty title={`There is no procedure '${type}'`} text="Choose one on the group's page." />
    )
  return <Before key={type} group={group} type={type} procedure={procedure} />
}

interface BeforeProps {
  readonly group: GroupStatus
  readonly type: OperationType
  readonly procedure: Procedure
}

function Before({ group, type, procedure }: BeforeProps) {
  const [force, setForce] = useState(false)
  const why = procedure.whyNot(group)
  const whyNot = useWhyNot(group.group, `POST /api/v1/groups/:group/${type}`)
  const preview = useQuery({
    queryKey: ['preview', group.group, type, group.epoch, force],
    queryFn: ({ signal }) => api.start(group.group, type, { dryRun: true, force }, { signal }),
    staleTime: 30_000,
    enabled: whyNot === undefined,
  })
  return (
    <>
      <Heading
        title={procedure.title}
        text={procedure.purpose}
        trail={[[group.group, links.group(group.group)]]}
      />
      <Stack gap="md" maw={820}>
        {why ? (
          <Alert color="orange" title="This is not what the group needs now">
            {why}
          </Alert>
        ) : null}
        <AtStake group={group} type={type} />
        {type === 'failover' ? <Force group={group} force={force} setForce={setForce} /> : null}
        <Steps group={group} whyNot={whyNot} preview={preview} />
        {/* What is agreed to is what was shown; and what is to be clicked does not move away. */}
        {preview.isLoading ? null : (
          <Confirm group={group} type={type} procedure={procedure} force={force} whyNot={whyNot} />
        )}
      </Stack>
    </>
  )
}

function AtStake({ group, type }: Pick<BeforeProps, 'group' | 'type'>) {
  const now = useNow()
  const other = otherMember(group)
  const target = group.members.find(({ name }) => name === other)
  const source = group.members.find(({ name }) => name === group.effectivePrimary)
  const jobs = useQuery({
    queryKey: ['all-jobs', group.group, group.epoch],
    queryFn: ({ signal }) => allItems((place) => api.jobs(group.group, place, { signal })),
  })
  const open = jobs.data?.filter(({ decision }) => decision === 'open') ?? []
  const withCheckpoints = open.filter(({ reason }) => reason.startsWith('Checkpoints go')).length
  return (
    <Card withBorder padding="md" data-testid="at-stake">
      <Title order={2} size="h5" mb="xs">
        At stake now
      </Title>
      <List size="sm" spacing={4} className="steady">
        <List.Item>
          {group.effectivePrimary} is {source?.health ?? 'unknown'}; {other} is{' '}
          {target?.health ?? 'unknown'}
          {target?.health === 'unreachable' && type !== 'reprotect'
            ? ': there is nowhere to go'
            : ''}
        </List.Item>
        <List.Item>
          {group.replicationPoint === null
            ? 'Nothing is proven on the other side yet'
            : `Proven up to ${moment(group.replicationPoint)}, ${duration(now - Date.parse(group.replicationPoint))} ago (objective ${duration(group.objectives.rpoMs)})`}
        </List.Item>
        <List.Item>
          {unproven(group) === 0
            ? 'Every known object is proven'
            : `${count(unproven(group), 'object')} not proven; the newest state of each may be missing`}
        </List.Item>
        <List.Item>
          {count(open.length, 'open job')}
          {open.length > 0 ? `, ${withCheckpoints} with checkpoints to go on from` : ''}
        </List.Item>
      </List>
    </Card>
  )
}

function Force(props: { group: GroupStatus; force: boolean; setForce: (force: boolean) => void }) {
  const { group, force, setForce } = props
  const source = group.members.find(({ name }) => name === group.effectivePrimary)
  if (source?.health !== 'healthy') return null
  return (
    <Alert
      color="orange"
      title={
        source.reason === null
          ? `${source.name} answers on every plane`
          : `${source.name} does not count as down yet`
      }
    >
      <Text size="sm" mb="xs">
        {source.reason === null ? '' : `${source.reason} `}
        Failing over now could lose what was written since the last pass. A switchover loses
        nothing.
      </Text>
      <Checkbox
        checked={force}
        onChange={(event) => setForce(event.currentTarget.checked)}
        label="I know better than the probes: go on all the same"
      />
    </Alert>
  )
}

function Steps(props: {
  group: GroupStatus
  whyNot: string | undefined
  preview: UseQueryResult<Operation>
}) {
  const { group, whyNot, preview } = props
  return (
    <Card withBorder padding="md" data-testid="preview">
      <Title order={2} size="h5" mb="xs">
        What will be done
      </Title>
      {whyNot ? (
        <Text data-testid="why-not">{whyNot}</Text>
      ) : preview.error ? (
        <Problem error={preview.error} retry={() => void preview.refetch()} />
      ) : !preview.data ? (
        <Loading what="the world which steps are needed" />
      ) : (
        <List type="ordered" size="sm" spacing={4}>
          {preview.data.steps.map((step) => (
            <List.Item key={step.id}>
              {step.title}
              {step.status === 'done' ? ' (already true)' : ''}
              {step.detail ? ` · ${readable(step.detail)}` : ''}
            </List.Item>
          ))}
        </List>
      )}
      <Text size="sm" mt="sm" className="steady">
        {preview.data?.expected
          ? `${expectedSentence(preview.data.expected)} Objective ${duration(group.objectives.rtoMs)}.`
          : ''}
      </Text>
    </Card>
  )
}

/** From what it took before, nothing else. */
function expectedSentence({ durationMs, knownMs, unknownSteps, waits, from }: Expectation): string {
  const sources = from.map(({ type, runs }) => count(runs, type)).join(' and ')
  const people = waits ? ' People have to answer as well.' : ''
  if (durationMs !== null) return `Takes about ${duration(durationMs)} (${sources}).${people}`
  const unseen = `${count(unknownSteps.length, 'step')} never ran here`
  return sources === ''
    ? `There is no estimate: ${unseen}.${people}`
    : `Takes at least ${duration(knownMs)} (${sources}); ${unseen}.${people}`
}

function Confirm(props: BeforeProps & { force: boolean; whyNot: string | undefined }) {
  const { group, type, procedure, force, whyNot } = props
  const [, go] = useLocation()
  const [typed, setTyped] = useState('')
  // An answer that was lost on the way must not make the second click a second move.
  const [idempotencyKey] = useState(() => crypto.randomUUID())
  const other = otherMember(group)
  const phrase = procedure.phrase?.(group, other)
  const isConfirmed = isTyped(phrase, typed)
  const start = useMutation({
    // What was shown is what was agreed to.
    mutationFn: () =>
      api.start(group.group, type, { force, expectedEpoch: group.epoch }, { idempotencyKey }),
    onSuccess: (operation) => go(links.operation(operation.id)),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (isConfirmed && whyNot === undefined) start.mutate()
  }
  return (
    <Card withBorder padding="md" component="form" onSubmit={submit}>
      <Text data-testid="consequence">{procedure.consequence(group, other)}</Text>
      <TypedPhrase phrase={phrase} typed={typed} onType={setTyped} />
      <RoleButton
        group={group.group}
        operation={`POST /api/v1/groups/:group/${type}`}
        type="submit"
        disabled={!isConfirmed}
        loading={start.isPending}
        mt="sm"
        style={{ alignSelf: 'start' }}
        color={type === 'failover' ? 'red' : 'teal'}
      >
        {procedure.title}
      </RoleButton>
      {start.error ? (
        <div style={{ marginTop: 12 }}>
          <Problem error={start.error} />
        </div>
      ) : null}
    </Card>
  )
}
