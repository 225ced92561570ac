import type { GroupStatus, KindCount } from '../api/contract.ts'
import type { ContinuityPlan } from '../plan/continuity-plan.ts'
import type { Direction } from '../replication/ledger.ts'
import type { Epoch } from '../runbook/epoch-register.ts'
import type { ProtectionRow } from '../runbooks/ports.ts'

/** Which way the group goes now. */
export interface Course {
  readonly epoch: number
  readonly primary: string
  readonly secondary: string
  readonly direction: Direction
  /**
   * Passes run. After a failover they do not until re-protection has salvaged what the old primary
   * alone had: a pass before that would meet it as a stranger's.
   */
  readonly replicates: boolean
  /** Nothing is known to stand at the secondary alone (I7); false: re-protect again. */
  readonly isSalvaged: boolean
}

export function courseOf(
  plan: Pick<ContinuityPlan, 'group' | 'members'>,
  current: Pick<Epoch, 'epoch' | 'primary'>,
  protection: ProtectionRow | undefined,
): Course {
  const { epoch, primary } = current
  const secondary = plan.members.find(({ name }) => name !== primary)?.name ?? primary
  return {
    epoch,
    primary,
    secondary,
    direction: { group: plan.group, source: primary, target: secondary },
    replicates: epoch === 1 || protection?.epoch === epoch,
    isSalvaged: protection?.epoch !== epoch || protection.state !== 'unsalvaged',
  }
}

/** I4, I7, I8: protected is only what a replication point of this epoch proves, with nothing left behind. */
export function protectionOf(
  course: Course,
  hasPoint: boolean,
  counts: readonly KindCount[],
  startsAt: string,
): GroupStatus['protection'] {
  if (!course.replicates) return 'unprotected'
  const unproven = counts.some((each) => each.failed + each.conflict + each.pending > 0)
  if (!hasPoint) return counts.length === 0 ? 'unknown' : 'partial'
  if (unproven || !course.isSalvaged) return 'partial'
  return course.primary === startsAt ? 'protected' : 'reversed'
}
