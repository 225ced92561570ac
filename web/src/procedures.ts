import type { GroupStatus, OperationType } from '../../src/api/contract.ts'
import { duration, moment } from './parts/format.ts'

/** What the console says of a procedure before somebody starts it. */
export interface Procedure {
  readonly title: string
  /** What it is for, in one line. */
  readonly purpose: string
  /** What happens for good. */
  readonly consequence: (group: GroupStatus, other: string) => string
  /** What has to be typed, because it cannot be taken back; undefined: it harms nothing. */
  readonly phrase?: (group: GroupStatus, other: string) => string
  /** Why it makes no sense now; undefined: it does. */
  readonly whyNot: (group: GroupStatus) => string | undefined
}

export function otherMember({ members, effectivePrimary }: GroupStatus): string {
  return members.find(({ name }) => name !== effectivePrimary)?.name ?? 'nobody'
}

export const unproven = (group: GroupStatus): number =>
  group.counts.reduce((sum, c) => sum + c.pending + c.failed + c.conflict, 0)

const healthOf = (group: GroupStatus, name: string) =>
  group.members.find((member) => member.name === name)?.health

const isUnprotected = (group: GroupStatus): string | undefined =>
  group.protection === 'unprotected'
    ? `${group.effectivePrimary} is not protected since the failover; re-protect first.`
    : undefined

const plannedConsequence = (group: GroupStatus, other: string) =>
  `Schedules of ${group.effectivePrimary} are turned off and its moving jobs are stopped, then run again at ${other} from their newest checkpoint. What is written until it is fenced is brought over; then ${other} leads.`

export const procedures: Readonly<Record<OperationType, Procedure>> = {
  sync: {
    title: 'Synchronise',
    purpose: 'Bring what changed to the other region now, and prove it there.',
    consequence: (group, other) =>
      `Objects of ${group.effectivePrimary} are copied to ${other}. Nothing is deleted, and nothing that somebody else changed is overwritten.`,
    whyNot: isUnprotected,
  },
  verify: {
    title: 'Verify',
    purpose: 'Read everything that is proven again on both sides, bytes included.',
    consequence: (group, other) =>
      `Every proven object is read at ${group.effectivePrimary} and at ${other}; nothing is changed there. What differs is not proven any more.`,
    whyNot: isUnprotected,
  },
  drill: {
    title: 'Drill',
    purpose: 'Rehearse a failover into copies while protection goes on, and measure it.',
    consequence: (group, other) =>
      `Copies of the endpoints run at ${other} for some minutes, copies of jobs that would move start there and are cancelled; all are removed. ${group.effectivePrimary}, traffic and schedules are not touched.`,
    whyNot: isUnprotected,
  },
  failover: {
    title: 'Fail over',
    purpose: 'Move to the other region now; the first one may be gone.',
    consequence: (group, other) =>
      `${other} becomes primary and ${group.effectivePrimary} is fenced as far as it can be reached: it may not act again until it is re-protected. ${
        group.replicationPoint === null
          ? 'Nothing is proven at the other side yet.'
          : `What was written after ${moment(group.replicationPoint)} may be missing until ${group.effectivePrimary} returns.`
      }`,
    phrase: (_, other) => `fail over to ${other}`,
    whyNot: () => undefined,
  },
  switchover: {
    title: 'Switch over',
    purpose: 'Move to the other region on purpose; nothing is lost.',
    consequence: plannedConsequence,
    phrase: (_, other) => `switch over to ${other}`,
    whyNot: (group) =>
      isUnprotected(group) ??
      (healthOf(group, group.effectivePrimary) === 'unreachable'
        ? `${group.effectivePrimary} does not answer; that is a failover.`
        : undefined),
  },
  failback: {
    title: 'Fail back',
    purpose: 'Return to the primary of the plan; nothing is lost.',
    consequence: plannedConsequence,
    phrase: (_, other) => `fail back to ${other}`,
    whyNot: (group) =>
      group.epoch === 1
        ? `${group.effectivePrimary} is where the plan starts.`
        : isUnprotected(group),
  },
  reprotect: {
    title: 'Re-protect',
    purpose: 'After a failover: salvage from the returned region and replicate the other way.',
    consequence: (group, other) =>
      `${group.effectivePrimary} keeps leading and ${other} becomes its copy. What only ${other} has is salvaged first; then ${other} is brought to the state of ${group.effectivePrimary}.`,
    phrase: (group) => `protect ${group.effectivePrimary}`,
    whyNot: (group) =>
      group.protection !== 'unprotected' && group.protection !== 'partial'
        ? `${group.effectivePrimary} is protected already.`
        : healthOf(group, otherMember(group)) === 'unreachable'
          ? `${otherMember(group)} does not answer yet.`
          : undefined,
  },
}

export const procedureNames = Object.keys(procedures) as OperationType[]

/**
 * What is true while only a command works for the group, which serves this page as well; undefined:
 * a controller runs.
 */
export function noController({ controller }: GroupStatus, now: number): string | undefined {
  if (controller?.running !== false) return undefined
  const { lastSeenAt } = controller
  const lastSign =
    lastSeenAt === null
      ? ''
      : ` The last sign of a controller was ${moment(lastSeenAt)} (${duration(now - Date.parse(lastSeenAt))} ago).`
  return `Nobody copies, probes or decides; this page is that of a command and ends with it.${lastSign}`
}

/** Something only a person can settle, with the page where it is done. */
export interface Need {
  readonly sentence: string
  readonly color: 'red' | 'orange'
  readonly to: 'failover' | 'reprotect' | 'failed' | 'conflict' | 'operation'
}

export function needsOf(group: GroupStatus, now: number): Need[] {
  const needs: Need[] = []
  const { verdict, operation, counts, objectives, replicationPoint } = group
  const busy = operation !== null && operation.outcome === null
  if (verdict?.recommendation === 'failover' && !busy)
    needs.push({ sentence: verdict.sentence, color: 'red', to: 'failover' })
  if (group.protection === 'unprotected' && !busy)
    needs.push({
      sentence: `${group.effectivePrimary} leads alone: if it fails now, work is lost.`,
      color: 'red',
      to: 'reprotect',
    })
  if (operation?.status === 'waiting' || operation?.status === 'paused')
    needs.push({
      sentence: `${operation.type} waits for ${operation.waitingFor ?? 'a person'}.`,
      color: 'orange',
      to: 'operation',
    })
  if (operation?.outcome === 'failed')
    needs.push({ sentence: `The last ${operation.type} failed.`, color: 'red', to: 'operation' })
  const sum = (field: 'failed' | 'conflict') => counts.reduce((n, c) => n + c[field], 0)
  if (sum('failed') > 0)
    needs.push({
      sentence: `${sum('failed')} objects could not be copied.`,
      color: 'red',
      to: 'failed',
    })
  if (sum('conflict') > 0)
    needs.push({
      sentence: `${sum('conflict')} objects changed on both sides; both versions are kept.`,
      color: 'orange',
      to: 'conflict',
    })
  const lagMs = replicationPoint === null ? undefined : now - Date.parse(replicationPoint)
  if (lagMs !== undefined && lagMs > objectives.rpoMs && verdict?.recommendation !== 'failover')
    needs.push({
      sentence: `The lag of ${duration(lagMs)} is above the objective of ${duration(objectives.rpoMs)}.`,
      color: 'orange',
      to: 'failed',
    })
  return needs
}
