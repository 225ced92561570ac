import type {
  ControllerLife,
  DecisionStatus,
  DrillStatus,
  Finding,
  GroupStatus,
  MemberStatus,
  Operation,
  PassSummary,
  Readiness,
} from '../api/contract.ts'
import type { MemberState } from '../detection/detector.ts'
import { evidence, isDoubted } from '../detection/verdict.ts'
import { isAheadOf } from '../replication/replication-point.ts'
import { courseOf, protectionOf } from './course.ts'
import { currentEpoch, type ProtectedGroup } from './protected-group.ts'
import type { Watch } from './watch.ts'

export interface StatusParts {
  readonly watch: Watch
  /** Region of a member, once it was asked; members that never answered have none. */
  readonly regions: ReadonlyMap<string, string>
  readonly controller: ControllerLife
  readonly operation: Operation | null
  readonly decision: DecisionStatus
  readonly lastPass: PassSummary | null
  readonly drill: DrillStatus
  readonly readiness: Readiness | null
  readonly findings: readonly Finding[]
}

export async function groupStatus(group: ProtectedGroup, parts: StatusParts): Promise<GroupStatus> {
  const { watch, regions, operation, decision, lastPass, drill, readiness, findings } = parts
  const { plan, records, clock } = group
  const current = await currentEpoch(group)
  const course = courseOf(plan, current, await records.protection.read(plan.group))
  const [row, counts, workers] = await Promise.all([
    records.ledger.readPoint(course.direction),
    records.ledger.counts(course.direction),
    records.batches.workers(),
  ])
  // A point of an earlier time in which the group went this way says nothing about now.
  const point = course.replicates && row !== undefined && row.epoch >= course.epoch ? row.at : null
  const startsAt = plan.members.find(({ role }) => role === 'primary')?.name ?? ''
  const verdict = watch.verdict(course.primary)
  return {
    group: plan.group,
    epoch: course.epoch,
    effectivePrimary: course.primary,
    protection: protectionOf(course, point !== null, counts, startsAt),
    replicationPoint: point,
    lagMs: point === null ? null : lagOf(point, clock()),
    objectives: plan.objectives,
    members: plan.members.map(({ name, workspace }) =>
      memberStatus(watch.state().members[name], {
        name,
        workspace,
        region: regions.get(name) ?? null,
        role: name === course.primary ? 'primary' : 'secondary',
      }),
    ),
    counts,
    verdict:
      verdict === null
        ? null
        : {
            recommendation: verdict.recommendation,
            sentence: verdict.sentence,
            at: verdict.at,
          },
    controller: parts.controller,
    operation,
    decision,
    lastPass,
    workers: workers.length,
    drill,
    // A look from before the last move tells of another primary (I8).
    readiness: readiness !== null && readiness.at >= current.since ? readiness : null,
    findings: [...findings],
  }
}

/** Null: the point lies in the future, so nobody knows how far behind the other side is (I8). */
function lagOf(point: string, now: Date): number | null {
  return isAheadOf(point, now) ? null : Math.max(0, now.getTime() - Date.parse(point))
}

function memberStatus(
  state: MemberState | undefined,
  facts: Pick<MemberStatus, 'name' | 'workspace' | 'region' | 'role'>,
): MemberStatus {
  const planes = Object.entries(state?.planes ?? {})
  const last = planes.map(([, plane]) => plane.last.at).sort()
  const isWell = state === undefined || /^(healthy|unknown)$/.test(state.health)
  const isUnremarkable = isWell && !(state && isDoubted(state))
  return {
    ...facts,
    health: state?.health ?? 'unknown',
    reason: isUnremarkable ? null : evidence(facts.name, state),
    probedAt: last.at(-1) ?? null,
    planes: Object.fromEntries(
      planes.map(([name, plane]) => [
        name,
        {
          healthy: plane.up ?? plane.last.healthy,
          latencyMs: plane.last.latencyMs,
          reason: plane.last.reason ?? null,
        },
      ]),
    ),
  }
}
