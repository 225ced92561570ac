import type {
  ControllerLife,
  DrillStatus,
  GroupStatus,
  MemberStatus,
  Operation,
  Status,
  StepState,
} from '../api/contract.ts'
import { colours as pc } from './colours.ts'
import { stepText } from './show-steps.ts'
import { bytesText, durationText, tableText } from './text.ts'
import { waitingText } from './waiting-text.ts'

/** `counts: false` leaves out how many objects of each kind there are, where room is short. */
export function statusText(status: Status, { counts = true } = {}): string {
  if (status.groups.length === 0) return 'The controller protects no group.'
  return status.groups.map((group) => groupText(group, Date.parse(status.now), counts)).join('\n\n')
}

function groupText(group: GroupStatus, nowMs: number, counts: boolean): string {
  const lines = [
    `${pc.bold(group.group)}  epoch ${group.epoch}, effective primary ${pc.bold(group.effectivePrimary)}, protection: ${protectionText(group)}`,
    `  replication point  ${pointText(group)}`,
    `  objectives         RTO ${durationText(group.objectives.rtoMs)}, RPO ${durationText(group.objectives.rpoMs)}`,
  ]
  const { controller } = group
  if (controller?.running === false)
    lines.push(`  controller         ${noControllerText(controller, nowMs)}`)
  lines.push(`  last drill         ${drillText(group.drill, nowMs)}`)
  const { workers = 0 } = group
  if (workers > 0)
    lines.push(
      `  workers            ${workers} share${workers === 1 ? 's' : ''} the work of the passes`,
    )
  if (group.readiness !== null) {
    const { verdict, findings, at } = group.readiness
    lines.push(
      `  failover now       ${verdict}, as seen ${durationText(Math.max(0, nowMs - Date.parse(at)))} ago; look again: \`holdfast assess\``,
      ...findings.map(({ sentence }) => `                     ${sentence}`),
    )
  }
  if (group.verdict !== null) lines.push(`  verdict            ${group.verdict.sentence}`)
  for (const { sentence, remedy } of group.findings)
    lines.push(`  ${pc.red('attention')}          ${sentence} ${remedy}`)
  lines.push(
    '',
    tableText(['MEMBER', 'ROLE', 'REGION', 'HEALTH', 'PROBED', 'REASON'], members(), {
      drop: ['PROBED', 'REGION'],
    }),
  )
  if (counts && group.counts.length > 0) lines.push('', countsText(group))
  const apart = group.counts.reduce((sum, line) => sum + line.apart, 0)
  if (apart > 0)
    lines.push(
      '',
      `Kept apart by decision, each side with its own: ${apart}; \`holdfast conflicts\``,
    )
  if (group.operation !== null)
    lines.push('', ...operationLines(group.operation, group.controller, nowMs))
  return lines.join('\n')

  function members(): string[][] {
    return group.members.map((member) => [
      ...[member.name, roleText(group, member), member.region ?? '-', healthText(member)],
      member.probedAt === null
        ? 'never'
        : `${durationText(Math.max(0, nowMs - Date.parse(member.probedAt)))} ago`,
      member.reason ?? '',
    ])
  }
}

const protections: Record<GroupStatus['protection'], (text: string) => string> = {
  protected: pc.green,
  partial: pc.yellow,
  unprotected: pc.red,
  reversed: pc.yellow,
  unknown: pc.yellow,
}

function protectionText({ protection }: GroupStatus): string {
  return protections[protection](protection)
}

export function pointText(
  group: Pick<GroupStatus, 'replicationPoint' | 'lagMs' | 'objectives' | 'protection'>,
): string {
  const { replicationPoint, lagMs, objectives, protection } = group
  if (replicationPoint !== null && lagMs === null)
    return pc.red(
      `${replicationPoint} lies in the future: a clock was wrong, so the lag is unknown`,
    )
  if (replicationPoint === null || lagMs === null) {
    return pc.red(
      protection === 'unprotected'
        ? 'none since the group moved: nothing is copied until `holdfast reprotect`'
        : 'none yet: since the group works here, no pass has proven everything in scope',
    )
  }
  const within = lagMs <= objectives.rpoMs
  const compared = `${within ? 'within' : 'over'} the RPO of ${durationText(objectives.rpoMs)}`
  const lag = `lag ${durationText(lagMs)}, ${compared}`
  return `${replicationPoint}  ${within ? pc.green(lag) : pc.red(lag)}`
}

/** Without one, a status is what this command has just seen, and nothing happens behind it. */
function noControllerText({ lastSeenAt }: ControllerLife, nowMs: number): string {
  const lastSign =
    lastSeenAt === null
      ? ''
      : `; the last sign of one was ${lastSeenAt} (${durationText(Math.max(0, nowMs - Date.parse(lastSeenAt)))} ago)`
  return `${pc.red(`none is running: nobody copies, probes or decides${lastSign}`)}; start it: \`holdfast controller\``
}

function drillText({ lastAt, lastOutcome, rtaMs, rpaMs, overdue }: DrillStatus, nowMs: number) {
  const parts =
    lastAt === null
      ? ['never']
      : [
          `${durationText(Math.max(0, nowMs - Date.parse(lastAt)))} ago, ${lastOutcome ?? 'unknown'}`,
          rtaMs === null ? 'RTA unknown' : `RTA ${durationText(rtaMs)}`,
          rpaMs === null ? 'RPA unknown' : `RPA ${durationText(rpaMs)}`,
        ]
  if (overdue) parts.push(pc.red('overdue: run `holdfast drill`'))
  return parts.join(', ')
}

/** The role in the plan says where it started; where writes go now is marked. */
function roleText(group: GroupStatus, member: MemberStatus): string {
  return member.name === group.effectivePrimary ? `${member.role} (effective)` : member.role
}

const healths: Record<MemberStatus['health'], (text: string) => string> = {
  healthy: pc.green,
  degraded: pc.yellow,
  unreachable: pc.red,
  unknown: pc.yellow,
}

function healthText({ health }: MemberStatus): string {
  return healths[health](health)
}

function countsText({ counts }: GroupStatus): string {
  return tableText(
    ['KIND', 'IN SCOPE', 'PROVEN', 'PENDING', 'FAILED', 'CONFLICT', 'SIZE'],
    counts.map(({ kind, inScope, proven, pending, failed, conflict, bytes }) => [
      kind,
      ...[inScope, proven, pending, failed, conflict].map(String),
      bytesText(bytes),
    ]),
    { drop: ['SIZE', 'IN SCOPE'] },
  )
}

/** Both times are the controller's. */
function ranMs({ startedAt }: StepState, nowMs: number): number | undefined {
  return startedAt === null ? undefined : nowMs - Date.parse(startedAt)
}

function operationLines(
  operation: Operation,
  controller: ControllerLife | undefined,
  nowMs: number,
): string[] {
  const { id, type, status, outcome, startedAt, endedAt, waitingFor, error, estimatedEndAt } =
    operation
  const state = waitingFor === null ? (outcome ?? status) : `waiting for ${waitingFor}`
  const when = endedAt === null ? `since ${startedAt}` : `at ${endedAt}`
  const lines = [
    controller?.performing === 'nobody'
      ? `Under way: ${leftText(operation)} (${id})`
      : `${endedAt === null ? 'Under way' : 'Last'}: ${type}, ${state} ${when} (${id})`,
  ]
  if (error !== null) lines.push(`  ${pc.red('error')} ${error.message} [${error.code}]`)
  if (waitingFor !== null) lines.push(`  ${waitingText(operation)}`)
  // Of an operation that is over, the report tells the steps.
  if (endedAt === null && estimatedEndAt) lines.push(`  ends about ${estimatedEndAt}`)
  if (endedAt === null)
    lines.push(...operation.steps.map((step) => `  ${stepText(step, ranMs(step, nowMs))}`))
  return lines
}

/** Its journal may say `running`; nobody does. */
function leftText({ type, steps, waitingFor }: Operation): string {
  const step =
    steps.find(({ status }) => /^(running|waiting|failed)$/.test(status)) ??
    steps.find(({ status }) => status === 'pending')
  const at = step === undefined ? '' : `, at ${step.title}`
  const waits = waitingFor === null ? '' : `, waiting for ${waitingFor}`
  return `${type}${at}${waits}; ${pc.red('no controller is running')}: start it with \`holdfast controller\`, or run \`holdfast ${type}\` again`
}

/** One line for a log: what changes when something happens, the lag apart. */
export function statusLine({ now, groups }: Status): {
  readonly facts: string
  readonly line: string
} {
  const parts = groups.map((group) => {
    const { operation } = group
    const members = group.members.map(({ name, health }) => `${name} ${health}`).join(', ')
    const step = operation?.steps.find(({ status }) => /^(running|waiting|failed)$/.test(status))
    const under =
      operation === null || operation.endedAt !== null
        ? ''
        : `; ${operation.type} ${operation.status}${step === undefined ? '' : `: ${step.title}`}`
    return {
      facts: `${group.group}: epoch ${group.epoch}, primary ${group.effectivePrimary}, ${group.protection}, ${members}${under}`,
      lag: group.lagMs === null ? 'lag unknown' : `lag ${durationText(group.lagMs)}`,
    }
  })
  return {
    facts: parts.map(({ facts }) => facts).join(' | '),
    line: `${now}  ${parts.map(({ facts, lag }) => `${facts}; ${lag}`).join(' | ')}`,
  }
}
