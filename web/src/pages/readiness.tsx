import { Alert, Badge, Button, Card, Group, List, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { Finding, Readiness } from '../../../src/api/contract.ts'
import { api } from '../api.ts'
import { links } from '../links.ts'
import type { GroupPageProps } from '../pages.tsx'
import { count, readable } from '../parts/format.ts'
import { Heading } from '../parts/heading.tsx'
import { Remedy } from '../parts/remedy.tsx'
import { Empty, Loading, Problem } from '../parts/states.tsx'
import { When } from '../parts/when.tsx'

const freshMs = 60_000

/** Could the group fail over now? What stands in the way, how it is known, what to run. */
export function ReadinessPage({ group }: GroupPageProps) {
  const look = useQuery({
    queryKey: ['readiness', group.group],
    queryFn: ({ signal }) => api.readiness(group.group, { signal }),
    // The controller looks every half hour; who opens this page wants to know of now.
    staleTime: freshMs,
  })
  const newest = newer(look.data, group.readiness)
  return (
    <>
      <Heading
        title="Readiness"
        text="Whether a failover would work now. Nothing is changed by looking."
        trail={[[group.group, links.group(group.group)]]}
      >
        <Button size="sm" loading={look.isFetching} onClick={() => void look.refetch()}>
          Check now
        </Button>
      </Heading>
      {look.error ? <Problem error={look.error} retry={() => void look.refetch()} /> : null}
      {newest ? (
        <Verdict readiness={newest} />
      ) : look.error ? null : (
        <Loading
          what={`${group.members.map(({ name }) => name).join(' and ')}; this takes seconds`}
        />
      )}
      <OwnNeeds findings={group.findings} />
    </>
  )
}

function OwnNeeds({ findings }: { findings: readonly Finding[] }) {
  if (findings.length === 0) return null
  return (
    <Stack gap="md" mt="lg">
      <Title order={2} size="h5">
        What Holdfast itself needs
      </Title>
      {findings.map((finding) => (
        <FindingCard key={finding.rule} finding={finding} />
      ))}
    </Stack>
  )
}

function newer(asked: Readiness | undefined, known: Readiness | null): Readiness | null {
  if (!asked) return known
  return known !== null && known.at > asked.at ? known : asked
}

const verdicts: Readonly<Record<Readiness['verdict'], readonly [text: string, color: string]>> = {
  ready: ['● ready', 'teal'],
  degraded: ['▲ degraded: it would work, not as planned', 'orange'],
  'not-ready': ['✖ not ready', 'red'],
}

function Verdict({ readiness }: { readiness: Readiness }) {
  const { verdict, findings, rules, at } = readiness
  const [text, color] = verdicts[verdict]
  const quiet = rules.filter((rule) => !findings.some((finding) => finding.rule === rule))
  return (
    <Stack gap="md">
      <Group gap="sm">
        <Badge
          color={color}
          variant="light"
          size="lg"
          data-testid="readiness"
          data-verdict={verdict}
        >
          {text}
        </Badge>
        <Text span size="sm" c="dimmed">
          looked <When at={at} />
        </Text>
      </Group>
      {findings.length === 0 ? (
        <Empty title="Nothing stands in the way" text={`${count(rules.length, 'rule')} asked.`} />
      ) : (
        findings.map((finding, index) => (
          <FindingCard key={`${finding.rule}:${index}`} finding={finding} />
        ))
      )}
      {quiet.length > 0 && findings.length > 0 ? (
        <Text size="sm" c="dimmed">
          Asked without a finding: {quiet.join(', ')}.
        </Text>
      ) : null}
    </Stack>
  )
}

function FindingCard({ finding }: { finding: Finding }) {
  const { rule, level, sentence, evidence, remedy } = finding
  return (
    <Card
      withBorder
      padding="md"
      component="section"
      aria-label={rule}
      data-testid={`finding-${rule}`}
      data-level={level}
    >
      <Group gap="sm" align="baseline">
        <Badge color={level === 'not-ready' ? 'red' : 'orange'} variant="light">
          {level === 'not-ready' ? '✖' : '▲'} {level}
        </Badge>
        <Text fw={600} className="anywhere">
          {readable(sentence)}
        </Text>
      </Group>
      {evidence.length > 0 ? (
        <List size="sm" mt="xs" className="anywhere">
          {evidence.map((line) => (
            <List.Item key={line}>{readable(line)}</List.Item>
          ))}
        </List>
      ) : null}
      <Alert color="gray" mt="sm" p="xs" title="What to do">
        <Remedy text={remedy} />
      </Alert>
    </Card>
  )
}
