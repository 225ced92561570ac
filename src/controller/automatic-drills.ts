import type { Finding, GroupStatus, Operation } from '../api/contract.ts'
import { isHoldfastError } from '../model/errors.ts'
import type { ContinuityPlan } from '../plan/continuity-plan.ts'
import { isInWindow } from '../plan/drill-window.ts'
import { ownActor } from './audited-records.ts'
import type { GroupLog } from './protected-group.ts'
import type { ControllerService } from './service.ts'

/** A drill that did not complete is not begun again by itself before that, in milliseconds. */
const againAfterMs = 86_400_000

/** Why no drill begins by itself now; null: one does. Pure (D7). */
export function whyNoDrill(
  { automatic, window }: ContinuityPlan['drill'],
  status: GroupStatus,
  operations: readonly Operation[],
  now: Date,
): string | null {
  const { drill, readiness, decision, members, protection } = status
  if (!automatic) return 'drills do not begin by themselves'
  if (!drill.overdue) return 'none is due'
  if (window !== null && !isInWindow(window, now)) return 'it is not the time for it'
  if (drill.lastAt !== null && now.getTime() - Date.parse(drill.lastAt) < againAfterMs)
    return 'the last one is less than a day ago'
  if (decision.pausedFor !== null) return `decisions are paused: ${decision.pausedFor}`
  const open = operations.find(({ endedAt }) => endedAt === null)
  if (open !== undefined) return `${open.id} is under way`
  if (members.some(({ health }) => health !== 'healthy')) return 'not every member is well'
  if (protection === 'unprotected') return 'the group is not protected'
  if (readiness === null) return 'nobody has looked whether a failover would work'
  return readiness.verdict === 'not-ready' ? 'a failover would not work now' : null
}

/** Whether a drill that is due is held up; what status and notifications tell of it. */
export interface HeldUpDrill {
  /** `null`: nothing holds one up. Logged when it is another reason than before. */
  note(why: string | null): void
  findings(): readonly Finding[]
}

export function heldUpDrill(group: string, log: GroupLog, onChange: () => void): HeldUpDrill {
  let held: string | null = null
  return {
    note: (why) => {
      if (why === held) return
      held = why
      if (why !== null) log.warn({ group }, `a drill is due and does not begin: ${why}`)
      onChange()
    },
    findings: () => (held === null ? [] : [findingOf(held)]),
  }
}

const findingOf = (why: string): Finding => ({
  ...{ rule: 'drill-held-up', level: 'degraded' },
  sentence: `A drill is due and does not begin by itself: ${why}.`,
  evidence: [why],
  remedy: 'Mend that, or rehearse by hand: holdfast drill',
})

/** What passes by itself, and is no trouble of anybody's. */
const passesByItself = (why: string): boolean =>
  /^it is not the time|less than a day|under way$/.test(why)

/** Begins a drill when one is due; tells why a due one does not begin. */
export function automaticDrills(options: {
  readonly plan: Pick<ContinuityPlan, 'group' | 'drill'>
  readonly service: Pick<ControllerService, 'start' | 'operations'>
  readonly clock: () => Date
  readonly held: Pick<HeldUpDrill, 'note'>
}): { look(status: GroupStatus): Promise<void> } {
  const { plan, service, clock, held } = options
  const begin = async (status: GroupStatus, now: Date): Promise<string | null> => {
    const request = { dryRun: false, force: false, expectedEpoch: status.epoch }
    // Two controllers that find it due ask for the same one.
    const asked = { by: ownActor, key: `automatic-drill-${now.toISOString().slice(0, 13)}` }
    try {
      await service.start(plan.group, 'drill', request, asked)
      return null
    } catch (error) {
      if (!isHoldfastError(error)) throw error
      return error.message.replace(/\.$/, '')
    }
  }
  return {
    look: async (status) => {
      if (!plan.drill.automatic || !status.drill.overdue) return held.note(null)
      const now = clock()
      const operations = (await service.operations({ limit: 100 })).items
      const why = whyNoDrill(plan.drill, status, operations, now)
      if (why === null) held.note(await begin(status, now))
      else held.note(passesByItself(why) ? null : why)
    },
  }
}
