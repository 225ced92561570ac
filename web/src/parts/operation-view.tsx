import { Alert, Anchor, Badge, Card, Group, Progress, Text, Timeline } from '@mantine/core'
import { lazy, Suspense } from 'react'
import type { Operation } from '../../../src/api/contract.ts'
import { apiPrefix } from '../../../src/api/prefix.ts'
import { operationColor, stepColor } from './colors.ts'
import { bytes, duration, moment, readable } from './format.ts'

// Not needed to paint the first page, whose weight has a limit.
const WaitingFor = lazy(async () => ({ default: (await import('./waiting-for.tsx')).WaitingFor }))
const Deliberate = lazy(async () => ({ default: (await import('./deliberate.tsx')).Deliberate }))

/** `controls`: steps that may be left out have a button for it. */
export function OperationView(props: { operation: Operation; now: number; controls?: boolean }) {
  const { operation, now, controls = false } = props
  const ended = operation.endedAt === null ? now : Date.parse(operation.endedAt)
  const active = operation.steps.findLastIndex((s) => s.status !== 'pending')
  return (
    <Card
      withBorder
      padding="md"
      data-testid="operation"
      data-type={operation.type}
      data-status={operation.status}
    >
      <Group justify="space-between">
        <Group gap="xs">
          <Text fw={600}>{operation.type}</Text>
          <Badge color={operationColor(operation)} aria-live="polite">
            {operation.outcome ?? operation.status}
          </Badge>
          {operation.dryRun ? <Badge variant="outline">dry run</Badge> : null}
        </Group>
        <Text size="sm" c="dimmed" className="steady">
          started {moment(operation.startedAt)} ·{' '}
          {duration(ended - Date.parse(operation.startedAt))}
          {operation.estimatedEndAt ? ` · ends about ${moment(operation.estimatedEndAt)}` : ''}
        </Text>
      </Group>
      {operation.waitingFor ? (
        <Suspense fallback={<Text size="sm">Waiting for {operation.waitingFor}</Text>}>
          <WaitingFor operation={operation} now={now} />
        </Suspense>
      ) : null}
      {operation.error ? (
        <Alert color="red" mt="sm" title={operation.error.code}>
          {operation.error.message} {operation.error.hint}
        </Alert>
      ) : null}
      <Timeline active={active} bulletSize={18} lineWidth={2} mt="md">
        {operation.steps.map((step) => (
          <Timeline.Item
            key={step.id}
            title={step.title}
            color={stepColor(step)}
            lineVariant={step.status === 'pending' ? 'dashed' : 'solid'}
            data-testid={`step-${step.id}`}
            data-status={step.status}
          >
            <Text size="sm" c="dimmed" className="steady">
              {step.status}
              {step.startedAt === null
                ? ''
                : ` · ${duration((step.endedAt === null ? now : Date.parse(step.endedAt)) - Date.parse(step.startedAt))}`}
              {step.endedAt === null && step.expectedMs
                ? ` · ${duration(step.expectedMs)} before`
                : ''}
              {step.detail ? ` · ${readable(step.detail)}` : ''}
            </Text>
            {controls && step.skippable && operation.outcome !== 'complete' ? (
              <Suspense fallback={null}>
                <Deliberate
                  operation={operation}
                  action="skip"
                  step={step.id}
                  label={`Skip ${step.id}`}
                  phrase={`skip ${step.id}`}
                  consequence="The step is left out and its work is not done; the outcome is partial, and the report says who left it out and why."
                />
              </Suspense>
            ) : null}
            {step.progress && step.status === 'running' ? (
              <>
                <Progress
                  value={
                    step.progress.total ? (100 * step.progress.done) / step.progress.total : 100
                  }
                  animated={step.progress.total === null}
                  aria-label={`${step.title}: ${step.progress.done}`}
                />
                <Text size="xs" className="steady">
                  {step.progress.done}
                  {step.progress.total === null ? '' : ` of ${step.progress.total}`}
                  {step.progress.bytes === null ? '' : ` · ${bytes(step.progress.bytes)}`}
                </Text>
              </>
            ) : null}
          </Timeline.Item>
        ))}
      </Timeline>
      {operation.report ? (
        <Anchor
          href={`${apiPrefix}/${operation.report.replace(/^\//, '')}.html`}
          mt="sm"
          display="inline-block"
        >
          Open the report
        </Anchor>
      ) : null}
    </Card>
  )
}
