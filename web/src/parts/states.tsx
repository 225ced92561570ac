import { Alert, Button, Code, Group, Loader, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'

/** The four states every list and page has besides its content. */
export function Loading({ what }: { what: string }) {
  return (
    <Group role="status" py="lg">
      <Loader size="sm" aria-hidden /> <Text>Asking {what}…</Text>
    </Group>
  )
}

export function Empty({
  title,
  text,
  children,
}: {
  title: string
  text?: string
  children?: ReactNode
}) {
  return (
    <Stack gap={4} py="xl" align="center" data-testid="empty">
      <Text fw={600}>{title}</Text>
      {text ? <Text ta="center">{text}</Text> : null}
      {children}
    </Stack>
  )
}

/** What a refusal carries: the same code and hint as the command line shows. */
export function Problem({ error, retry }: { error: unknown; retry?: () => void }) {
  const known = error as { code?: unknown; message?: unknown; hint?: unknown }
  return (
    <Alert
      color="red"
      role="alert"
      title={String(known.message ?? error)}
      data-testid="problem"
      data-code={String(known.code ?? '')}
    >
      {known.hint ? <Text size="sm">{String(known.hint)}</Text> : null}
      <Group mt="xs" gap="sm">
        {known.code ? <Code>{String(known.code)}</Code> : null}
        {retry ? (
          <Button size="xs" variant="default" onClick={retry}>
            Try again
          </Button>
        ) : null}
      </Group>
    </Alert>
  )
}
