import { Anchor, Button, Group, Stack, Text, Title, Tooltip } from '@mantine/core'
import { Link } from 'wouter'
import type { GroupStatus, PassSummary } from '../../../src/api/contract.ts'
import { links } from '../links.ts'
import { useNow } from '../live.ts'
import type { GroupPageProps } from '../pages.tsx'
import { Counts } from '../parts/counts.tsx'
import { bytes, count, duration, moment } from '../parts/format.ts'
import { GroupSummary } from '../parts/group-summary.tsx'
import { Heading } from '../parts/heading.tsx'
import { procedureNames, procedures } from '../procedures.ts'

export function GroupPage({ group }: GroupPageProps) {
  const now = useNow()
  return (
    <>
      <Heading title={`Group ${group.group}`} trail={[['Overview', '/']]} />
      <Stack gap="md">
        <GroupSummary group={group} now={now} />
        <Procedures group={group} />
        <Title order={2} size="h5">
          Objects by kind
        </Title>
        <Counts group={group} />
        <LastPass pass={group.lastPass} />
        <Anchor component={Link} href={links.operations(group.group)} size="sm">
          History of operations
        </Anchor>
      </Stack>
    </>
  )
}

/** What makes no sense now stays in its place and says why. */
function Procedures({ group }: { group: GroupStatus }) {
  return (
    <section aria-label="procedures">
      <Title order={2} size="h5" mb="xs">
        Procedures
      </Title>
      <Group gap="xs">
        {procedureNames.map((type) => {
          const why = procedures[type].whyNot(group)
          return (
            <Tooltip key={type} label={why ?? procedures[type].purpose} multiline maw={320}>
              <Button
                component={Link}
                href={links.start(group.group, type)}
                variant="default"
                size="sm"
                data-unneeded={why !== undefined || undefined}
                style={why === undefined ? {} : { borderStyle: 'dashed' }}
              >
                {procedures[type].title}…
              </Button>
            </Tooltip>
          )
        })}
      </Group>
    </section>
  )
}

function LastPass({ pass }: { pass: PassSummary | null }) {
  if (pass === null) return <Text c="dimmed">No pass since the controller started.</Text>
  return (
    <Text size="sm" className="steady">
      Last pass {moment(pass.at)}: {pass.outcome}, {count(pass.compared, 'object')} compared,{' '}
      {pass.created} created, {pass.updated} updated, {pass.failed} failed,{' '}
      {bytes(pass.bytesCopied)} copied in {duration(pass.durationMs)}
      {pass.error ? ` · ${pass.error.message}` : ''}
    </Text>
  )
}
