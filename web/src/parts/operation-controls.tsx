import { Group, Text } from '@mantine/core'
import type { Operation } from '../../../src/api/contract.ts'
import { Deliberate } from './deliberate.tsx'
import { count, duration, moment } from './format.ts'

/** What a person can do to an operation that stands still or goes wrong. */
export function OperationControls({ operation }: { operation: Operation }) {
  const isStuck = operation.status === 'failed' || operation.status === 'unknown'
  if (!isStuck && !operation.abortable) return null
  return (
    <Group gap="xs" mb="md" className="unprinted" aria-label="controls" role="group">
      {isStuck ? (
        <Deliberate
          operation={operation}
          action="retry"
          label="Retry"
          color="teal"
          consequence="It goes on with the step that failed; what is done is found and left as it is. Who was asked and did not answer in time is asked again."
        />
      ) : null}
      {operation.abortable ? (
        <Deliberate
          operation={operation}
          action="abort"
          label="Abort and undo"
          phrase={`abort ${operation.type}`}
          consequence={`What this ${operation.type} has done is undone, last step first; the group stays where it is. Jobs that were stopped are named and not started again.`}
        />
      ) : null}
    </Group>
  )
}

/** When it may be over, as the controller expects from past runs. */
export function EstimatedEnd({ operation, now }: { operation: Operation; now: number }) {
  const { outcome, expected, estimatedEndAt, waiting } = operation
  if (outcome !== null || !expected) return null
  const leftMs = estimatedEndAt ? Date.parse(estimatedEndAt) - now : undefined
  const people = expected.waits || waiting ? ', without the time it waits for people' : ''
  return (
    <Text
      size="sm"
      mb="sm"
      className="steady"
      data-testid="estimate"
      title={estimatedEndAt ? moment(estimatedEndAt) : undefined}
    >
      {leftMs === undefined
        ? `Its end cannot be estimated: ${count(expected.unknownSteps.length, 'step')} never ran here.`
        : leftMs > 0
          ? `About ${duration(leftMs)} left${people}.`
          : `It takes ${duration(-leftMs)} longer than before${people}.`}
    </Text>
  )
}
