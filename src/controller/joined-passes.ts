import { digestJson } from '../model/canonical.ts'
import { HoldfastError } from '../model/errors.ts'
import type { Json } from '../model/json.ts'
import type { ContinuityPlan } from '../plan/continuity-plan.ts'
import { joinPass, type PerformBatch } from '../replication/join-pass.ts'
import type { Records } from '../runbooks/records.ts'
import { closeMembers, type Members, openMembers } from './members.ts'
import { passContext } from './protected-group.ts'

/** The passes of others in which this process performs batches. */
export interface JoinedPasses {
  /** Throws `batch.lost` (cancelled) when the pass is over. */
  of(pass: string): Promise<PerformBatch>
  close(): Promise<void>
}

/** Far more than are ever open at once on one database. */
const mostPasses = 50

interface Opened {
  readonly digest: string
  readonly members: Promise<Members>
}

export function joinedPasses(records: Records, clock: () => Date): JoinedPasses {
  const passes = new Map<string, Promise<PerformBatch>>()
  const groups = new Map<string, Opened>()

  /** Open until the plan of the group is another one. */
  const membersOf = (plan: ContinuityPlan): Promise<Members> => {
    const digest = digestJson(plan as unknown as Json)
    const known = groups.get(plan.group)
    if (known?.digest === digest) return known.members
    const epochNow = async () => (await records.epochs.current(plan.group))?.epoch ?? 0
    const members = openMembers(plan, epochNow)
    members.catch(() => groups.delete(plan.group))
    groups.set(plan.group, { digest, members })
    // A pass with the former plan is over: the new one waited for it.
    if (known !== undefined) void closeGroup(known)
    return members
  }
  const join = async (pass: string): Promise<PerformBatch> => {
    const terms = await records.batches.terms(pass)
    if (terms === undefined)
      throw new HoldfastError('batch.lost', 'the pass is over', { kind: 'cancelled', place: pass })
    const { plan, source, target, epoch, full } = terms
    const group = { plan, records, clock, members: await membersOf(plan) }
    return joinPass({ ...passContext(group, source, target, { epoch }), full })
  }
  return {
    of(pass) {
      const known = passes.get(pass)
      if (known !== undefined) return known
      const joined = join(pass)
      // Tried again with the next batch.
      joined.catch(() => passes.delete(pass))
      passes.set(pass, joined)
      const [oldest] = passes.keys()
      if (passes.size > mostPasses && oldest !== undefined) passes.delete(oldest)
      return joined
    },
    close: async () => {
      await Promise.all([...groups.values()].map(closeGroup))
    },
  }
}

/** What could not be opened has told why where it was wanted. */
async function closeGroup({ members }: Opened): Promise<void> {
  const opened = await members.catch(() => undefined)
  if (opened !== undefined) await closeMembers(opened)
}
