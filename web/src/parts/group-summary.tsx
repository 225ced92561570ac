import { Alert, Anchor, Badge, Button, Code, Group, Title } from '@mantine/core'
import { lazy, Suspense } from 'react'
import { Link } from 'wouter'
import type { GroupStatus } from '../../../src/api/contract.ts'
import { links } from '../links.ts'
import { type Need, needsOf, noController, procedures } from '../procedures.ts'
import { protectionColor } from './colors.ts'
import { readable } from './format.ts'
import { LagCard } from './lag-card.tsx'
import { MemberCard } from './member-card.tsx'

/** Not before the first paint: nobody protects local regions but to look around. */
const OutageButtons = lazy(async () => ({
  default: (await import('./outage-switches.tsx')).OutageButtons,
}))

/** Where a group stands, in the order in which somebody who was woken asks. */
export function GroupSummary({ group, now }: { group: GroupStatus; now: number }) {
  return (
    <>
      <Group gap="sm">
        <Title order={2} size="h4">
          <Anchor component={Link} href={links.group(group.group)} inherit c="inherit">
            {group.group}
          </Anchor>
        </Title>
        <Badge color={protectionColor(group.protection)} data-testid="protection">
          {group.protection}
        </Badge>
        <Badge variant="outline" color="gray" data-testid="epoch">
          epoch {group.epoch}
        </Badge>
        <Suspense fallback={null}>
          <OutageButtons group={group} />
        </Suspense>
      </Group>
      <NoController group={group} now={now} />
      <Verdict group={group} />
      <Needs group={group} now={now} />
      <div className="regions">
        {group.members.map((member) => (
          <MemberCard
            key={member.name}
            member={member}
            effective={member.name === group.effectivePrimary}
            now={now}
          />
        ))}
        <LagCard group={group} now={now} />
      </div>
    </>
  )
}

function NoController({ group, now }: { group: GroupStatus; now: number }) {
  const sentence = noController(group, now)
  if (sentence === undefined) return null
  return (
    <Alert color="red" title="No controller is running" data-testid="no-controller">
      {sentence} Start one with <Code>holdfast controller</Code>.
    </Alert>
  )
}

function Verdict({ group }: { group: GroupStatus }) {
  if (group.verdict?.recommendation !== 'wait') return null
  return (
    <Alert color="orange" title="Wait and watch" data-testid="verdict">
      {readable(group.verdict.sentence)}
    </Alert>
  )
}

function Needs({ group, now }: { group: GroupStatus; now: number }) {
  return needsOf(group, now).map((need) => (
    <Alert
      key={need.to}
      color={need.color}
      title={need.to === 'failover' ? 'Failover is recommended' : 'This needs you'}
      data-testid={need.to === 'failover' ? 'verdict' : `need-${need.to}`}
    >
      <Group justify="space-between" gap="sm">
        <span>{readable(need.sentence)}</span>
        <Button component={Link} href={addressOf(need, group)} size="xs" color={need.color}>
          {labelOf(need)}
        </Button>
      </Group>
    </Alert>
  ))
}

function addressOf({ to }: Need, group: GroupStatus): string {
  if (to === 'failover' || to === 'reprotect') return links.start(group.group, to)
  if (to === 'operation' && group.operation) return links.operation(group.operation.id)
  if (to === 'conflict') return links.conflicts(group.group)
  return links.objects(group.group, { state: 'failed' })
}

function labelOf({ to }: Need): string {
  if (to === 'failover' || to === 'reprotect') return `${procedures[to].title}…`
  if (to === 'operation') return 'Open it'
  return to === 'conflict' ? 'Decide…' : 'Show them'
}
