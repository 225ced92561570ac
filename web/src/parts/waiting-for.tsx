import { Alert, Button, Group, List, Text, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import type { Session } from '../../../src/api/access-contract.ts'
import type { Operation } from '../../../src/api/contract.ts'
import { mayAct, type Role, roles } from '../../../src/api/roles.ts'
import { api } from '../api.ts'
import { useSession } from '../session.ts'
import { duration, moment } from './format.ts'
import { Problem } from './states.tsx'
import { When } from './when.tsx'

type Waiting = NonNullable<Operation['waiting']>

/** Who is asked what, until when, who has answered; and the answer, of whoever may give it. */
export function WaitingFor({ operation, now }: { operation: Operation; now: number }) {
  const { waiting, waitingFor } = operation
  if (!waiting)
    return waitingFor ? <Alert color="orange" mt="sm" title={`Waiting for ${waitingFor}`} /> : null
  const { people, approvals, expiresAt, reason } = waiting
  return (
    <Alert color="orange" mt="sm" title={reason} data-testid="waiting" data-step={waiting.step}>
      <Text size="sm" component="div">
        {people === 1
          ? `One person with the role '${waiting.for}' is asked`
          : `${approvals.length} of ${people} people with the role '${waiting.for}' have agreed`}
        , since <When at={waiting.since} />.{' '}
        {expiresAt === null ? (
          'It waits for ever.'
        ) : (
          <span title={moment(expiresAt)} className="steady">
            It ends in {duration(Date.parse(expiresAt) - now)}, and the operation fails.
          </span>
        )}
        {waiting.excluded ? ` ${waiting.excluded} asked for it and does not count.` : ''}
      </Text>
      {approvals.length > 0 ? (
        <List size="sm" mt={4}>
          {approvals.map(({ by, reason: why, at }) => (
            <List.Item key={`${by}:${at}`}>
              {by} agreed <When at={at} />
              {why ? `: ${why}` : ''}
            </List.Item>
          ))}
        </List>
      ) : null}
      <Answer operation={operation} waiting={waiting} />
    </Alert>
  )
}

function Answer({ operation, waiting }: { operation: Operation; waiting: Waiting }) {
  const session = useSession()
  const [reason, setReason] = useState('')
  const answer = useMutation({
    mutationFn: (action: 'approve' | 'reject') =>
      api.control(operation.id, action, {
        step: waiting.step,
        ...(reason.trim() ? { reason: reason.trim() } : {}),
      }),
    onSuccess: () => setReason(''),
  })
  const why = session && whyNoAnswer(operation, waiting, session)
  if (why)
    return (
      <Text size="sm" mt="xs" fw={600} data-testid="why-no-answer">
        {why}
      </Text>
    )
  return (
    <>
      <TextInput
        mt="xs"
        label="What you saw, for the journal"
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
        maxLength={500}
        maw={480}
      />
      <Group gap="xs" mt="xs">
        <Button size="xs" loading={answer.isPending} onClick={() => answer.mutate('approve')}>
          {waiting.people === 1 ? 'Confirm' : 'Approve'}
        </Button>
        <Button
          size="xs"
          color="red"
          disabled={reason.trim() === ''}
          title={reason.trim() === '' ? 'Say why first' : 'The operation fails at this step'}
          loading={answer.isPending}
          onClick={() => answer.mutate('reject')}
        >
          Reject
        </Button>
      </Group>
      {answer.error ? <Problem error={answer.error} /> : null}
    </>
  )
}

/** The controller refuses it in any case; this says so before somebody tries. */
function whyNoAnswer({ group }: Operation, waiting: Waiting, session: Session) {
  if (isRole(waiting.for) && !mayAct(session, group, waiting.for))
    return `Your answer needs the role '${waiting.for}' in ${group}.`
  if (waiting.excluded === session.name) return 'You asked for it, so somebody else has to agree.'
  if (waiting.approvals.some(({ by }) => by === session.name)) return 'You have agreed.'
  return undefined
}

function isRole(text: string): text is Role {
  return (roles as readonly string[]).includes(text)
}
