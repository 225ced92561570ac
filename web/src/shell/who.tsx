import { Button, Group, Text } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { roleIn } from '../../../src/api/roles.ts'
import { api } from '../api.ts'
import { useSession } from '../session.ts'

/** Who is signed in, with the role in the group that is shown. */
export function Who({ group }: { group: string | undefined }) {
  const session = useSession()
  const leave = useMutation({
    mutationFn: () => api.signOut(),
    onSuccess: ({ url }) => window.location.assign(url ?? '/'),
  })
  if (!session) return null
  const role = group === undefined ? undefined : (roleIn(session, group) ?? 'no role')
  return (
    <Group gap="xs" wrap="nowrap">
      <Text size="sm" visibleFrom="sm" data-testid="who" truncate maw={260} title={session.name}>
        {session.name}
        {role ? ` · ${role}` : ''}
      </Text>
      <Button variant="subtle" size="xs" loading={leave.isPending} onClick={() => leave.mutate()}>
        Sign out
      </Button>
    </Group>
  )
}
