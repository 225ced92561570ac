import { Alert, Button, Group, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import type { Operation } from '../../../src/api/contract.ts'
import type { ControlAction } from '../../../src/api/control-contract.ts'
import { api } from '../api.ts'
import { RoleButton } from './role-button.tsx'
import { Problem } from './states.tsx'
import { isTyped, TypedPhrase } from './typed-phrase.tsx'

/** A button that opens into what follows from it, why it is done, and a phrase to be typed. */
export function Deliberate(props: {
  operation: Operation
  action: ControlAction
  step?: string
  label: string
  consequence: string
  phrase?: string
  color?: string
}) {
  const { operation, action, label } = props
  const [isOpen, setOpen] = useState(false)
  if (isOpen) return <Form {...props} leave={() => setOpen(false)} />
  return (
    <RoleButton
      group={operation.group}
      operation={`POST /api/v1/operations/:id/${action}`}
      size="xs"
      variant="default"
      onClick={() => setOpen(true)}
    >
      {label}…
    </RoleButton>
  )
}

function Form(props: Parameters<typeof Deliberate>[0] & { leave: () => void }) {
  const { operation, action, step, label, consequence, phrase, color = 'red', leave } = props
  const [typed, setTyped] = useState('')
  const [reason, setReason] = useState('')
  const isReady = isTyped(phrase, typed) && (action === 'retry' || reason.trim() !== '')
  const control = useMutation({
    mutationFn: () =>
      api.control(operation.id, action, {
        ...(step === undefined ? {} : { step }),
        ...(reason.trim() ? { reason: reason.trim() } : {}),
      }),
    onSuccess: leave,
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (isReady) control.mutate()
  }
  return (
    <form onSubmit={submit} style={{ maxWidth: 620, width: '100%' }}>
      <Alert color="orange" title={label}>
        {consequence}
        {action === 'retry' ? null : (
          <TextInput
            mt="xs"
            label="Why, for the journal and the report"
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
            maxLength={500}
            data-autofocus
          />
        )}
        <TypedPhrase phrase={phrase} typed={typed} onType={setTyped} />
        <Group gap="xs" mt="sm">
          <RoleButton
            group={operation.group}
            operation={`POST /api/v1/operations/:id/${action}`}
            type="submit"
            size="xs"
            color={color}
            disabled={!isReady}
            loading={control.isPending}
          >
            {label}
          </RoleButton>
          <Button size="xs" variant="default" onClick={leave}>
            Leave it
          </Button>
        </Group>
        {control.error ? <Problem error={control.error} /> : null}
      </Alert>
    </form>
  )
}
