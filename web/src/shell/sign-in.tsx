import { Alert, Button, Card, Code, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { api } from '../api.ts'
import { useSession } from '../session.ts'

const problems: Readonly<Record<string, string>> = {
  'sign-in.over': 'It took too long, or its answer came a second time.',
  'sign-in.link-over': 'The link was used already, or is older than ten minutes.',
  'sign-in.refused': 'The identity provider did not confirm it.',
  'sign-in.provider-unreachable': 'The identity provider does not answer.',
}

/** In place of every page while nobody is signed in. */
export function SignIn() {
  const ways = useQuery({
    queryKey: ['sign-in-ways'],
    queryFn: ({ signal }) => api.signInWays({ signal }),
  })
  const here = window.location
  const problem = new URLSearchParams(here.search).get('signInProblem')
  const to = problem === null ? `${here.pathname}${here.search}` : '/'
  return (
    <Card withBorder padding="lg" maw={520} mx="auto" mt="xl" data-testid="sign-in">
      <Stack gap="sm">
        <Title order={1} size="h3">
          You are signed out
        </Title>
        {problem === null ? null : (
          <Alert color="orange" role="alert" title="The last sign-in was not completed">
            {problems[problem] ?? 'The log of the controller has the reason.'}
          </Alert>
        )}
        {ways.data?.openIdConnect ? (
          <Button component="a" href={`/sign-in?to=${encodeURIComponent(to)}`}>
            Sign in
          </Button>
        ) : null}
        <Text size="sm">
          On the controller's machine <Code>holdfast console</Code> prints a link that signs in.
        </Text>
      </Stack>
    </Card>
  )
}

/** Known, and allowed nothing. */
export function NoRole() {
  const session = useSession()
  return (
    <Alert color="orange" role="alert" title="You have no role here" data-testid="no-role">
      {session ? `You are signed in as ${session.name}. ` : ''}An admin gives roles in the file that
      the controller was started with (<Code>--roles</Code>).
    </Alert>
  )
}
