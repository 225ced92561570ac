import { Anchor, Stack, Table, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { Settings } from '../../../src/api/detail-contract.ts'
import { api } from '../api.ts'
import { links } from '../links.ts'
import type { GroupPageProps } from '../pages.tsx'
import { duration } from '../parts/format.ts'
import { Heading } from '../parts/heading.tsx'
import { OutageSwitches } from '../parts/outage-switches.tsx'
import { Loading, Problem } from '../parts/states.tsx'

/** What the controller runs with. It is changed in continuity.yaml, where it can be reviewed. */
export function SettingsPage({ group }: GroupPageProps) {
  const settings = useQuery({
    queryKey: ['settings', group.group],
    queryFn: ({ signal }) => api.settings(group.group, { signal }),
  })
  return (
    <>
      <Heading
        title="Settings"
        text="What this controller runs with. Change it in continuity.yaml and start it again."
        trail={[[group.group, links.group(group.group)]]}
      />
      {settings.error ? (
        <Problem error={settings.error} retry={() => void settings.refetch()} />
      ) : settings.data ? (
        <All settings={settings.data} />
      ) : (
        <Loading what="the controller" />
      )}
      <OutageSwitches group={group} />
    </>
  )
}

function All({ settings: s }: { settings: Settings }) {
  const facts: [string, string][] = [
    ['version', s.version],
    ['database', s.database],
    ['pass every', s.syncEveryMs === null ? 'only when asked' : duration(s.syncEveryMs)],
    ['probe every', `${s.probeEveryMs / 1000} s`],
    ['objectives', `RTO ${duration(s.objectives.rtoMs)}, RPO ${duration(s.objectives.rpoMs)}`],
    [
      'who decides',
      s.automatic
        ? `automatic after ${duration(s.graceMs)}, cooldown ${duration(s.cooldownMs)}`
        : 'a person',
    ],
    ['jobs that run again', s.resubmit],
    ['drill every', `${Math.round(s.drillEveryMs / 86_400_000)} days`],
    ...s.members.map((m): [string, string] => [
      `member ${m.name}`,
      `${m.role} in the plan · ${m.cloud} · ${m.workspace.split('/').at(-1)}`,
    ]),
    ...s.endpoints.map((e): [string, string] => [`endpoint ${e.name}`, e.type]),
    ...Object.entries(s.map).flatMap(([category, names]) =>
      Object.entries(names).map(([from, to]): [string, string] => [`${category} ${from}`, to]),
    ),
  ]
  return (
    <Stack gap="md" mb="lg">
      <Facts label="settings" rows={facts} />
      <Title order={2} size="h5">
        Strategies, the last match wins
      </Title>
      <Facts
        label="strategies"
        rows={s.strategies.map(({ kind, name, strategy }) => [
          name ? `${kind} ${name}` : kind,
          strategy,
        ])}
      />
      <Text size="sm" c="dimmed">
        Addresses of databases, tokens and keys are not shown. The API that this console and the
        command line use is described in{' '}
        <Anchor href="/docs" underline="always">
          the API's own pages
        </Anchor>
        .
      </Text>
    </Stack>
  )
}

function Facts({ label, rows }: { label: string; rows: readonly (readonly [string, string])[] }) {
  return (
    <Table aria-label={label} verticalSpacing={5} maw={820}>
      <Table.Tbody>
        {rows.map(([name, value], index) => (
          <Table.Tr key={`${index}:${name}`}>
            <Table.Td c="dimmed" w={160}>
              {name}
            </Table.Td>
            <Table.Td className="anywhere">{value}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}
