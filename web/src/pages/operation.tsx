import { Button, Group } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { apiPrefix } from '../../../src/api/prefix.ts'
import { api } from '../api.ts'
import { links } from '../links.ts'
import { useLive, useNow } from '../live.ts'
import { Heading } from '../parts/heading.tsx'
import { EstimatedEnd, OperationControls } from '../parts/operation-controls.tsx'
import { OperationView } from '../parts/operation-view.tsx'
import { RoleButton } from '../parts/role-button.tsx'
import { Loading, Problem } from '../parts/states.tsx'

/** During: live steps and timers. After: the same, with the report. */
export function OperationPage({ id }: { id: string }) {
  const now = useNow()
  const { status } = useLive()
  const live = status?.groups.flatMap(({ operation }) => operation ?? []).find((o) => o.id === id)
  const stored = useQuery({
    queryKey: ['operation', id],
    queryFn: ({ signal }) => api.operation(id, { signal }),
    enabled: live === undefined,
    refetchInterval: ({ state }) => (state.data?.outcome === null ? 2000 : false),
  })
  const cancel = useMutation({ mutationFn: () => api.cancel(id) })
  const operation = live ?? stored.data
  if (!operation)
    return stored.error ? (
      <>
        <Heading title="Operation" trail={[['Overview', '/']]} />
        <Problem error={stored.error} retry={() => void stored.refetch()} />
      </>
    ) : (
      <Loading what="the journal" />
    )
  return (
    <>
      <Heading
        title={`${operation.type} of ${operation.group}`}
        trail={[
          [operation.group, links.group(operation.group)],
          ['Operations', links.operations(operation.group)],
        ]}
      >
        {operation.outcome === null ? (
          <RoleButton
            group={operation.group}
            operation="POST /api/v1/operations/:id/cancel"
            variant="default"
            size="sm"
            loading={cancel.isPending}
            disabled={cancel.isSuccess}
            onClick={() => cancel.mutate()}
          >
            {cancel.isSuccess ? 'Ends after this step' : 'Stop after the step under way'}
          </RoleButton>
        ) : (
          <Group gap="xs">
            {operation.report ? (
              <Button
                component="a"
                href={`${apiPrefix}/${operation.report.replace(/^\//, '')}.html`}
                size="sm"
              >
                Report
              </Button>
            ) : null}
            <Button variant="default" size="sm" onClick={() => window.print()}>
              Print
            </Button>
          </Group>
        )}
      </Heading>
      {cancel.error ? <Problem error={cancel.error} /> : null}
      <EstimatedEnd operation={operation} now={now} />
      <OperationControls operation={operation} />
      <OperationView operation={operation} now={now} controls />
    </>
  )
}
