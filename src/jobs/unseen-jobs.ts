import type { JobRow } from '../api/contract.ts'
import type { Json } from '../model/json.ts'
import { collect } from '../workspace/pages.ts'
import type { Workspace, WorkspaceObject } from '../workspace/workspace.ts'
import { object } from './checkpoint-place.ts'
import { isOpen } from './job-state.ts'
import type { JobDecisions } from './job-store.ts'

/** The clocks of a region and of this machine may differ by this much, in milliseconds. */
const skewMs = 60_000

export interface UnseenJobs {
  /** The member that was primary. */
  readonly member: Pick<Workspace, 'name' | 'listObjects'>
  /** What was decided about its jobs. */
  readonly decisions: readonly JobDecisions[]
  /** When its open jobs were noted last; null: never. */
  readonly capturedAt: string | null
  readonly signal: AbortSignal
  readonly now: () => Date
}

/**
 * Jobs that were handed in after open jobs were last noted, and that did not come to their end: nobody
 * has decided about them, so the report has to name them (I7).
 */
export async function unseenJobs(context: UnseenJobs): Promise<readonly JobRow[]> {
  const { member, decisions, capturedAt, signal, now } = context
  const decided = decisions.flatMap(({ jobs }) => jobs)
  const known = new Set(decided.flatMap(({ job, newName }) => [job, newName]))
  const all = await collect((page) => member.listObjects('job', { ...page, signal }))
  return all
    .filter((found) => !known.has(nameOf(found)) && isLate(found, capturedAt))
    .map((found) => ({
      ...{ job: nameOf(found), state: stateOf(found), decision: 'manual' as const },
      reason: `It was handed in at ${member.name} after open jobs had last been noted (${capturedAt ?? 'never'}), and is ${stateOf(found)} there.`,
      ...{ resubmittedAs: null, checkpoint: null, epoch: null, at: now().toISOString() },
    }))
}

function isLate(found: WorkspaceObject, capturedAt: string | null): boolean {
  const state = stateOf(found)
  if (state === 'Completed') return false
  const created = text(object(found.body.systemData).createdAt)
  if (created === undefined) return isOpen(state)
  return capturedAt === null || Date.parse(created) >= Date.parse(capturedAt) - skewMs
}

const nameOf = ({ id }: WorkspaceObject): string => id.path[0] ?? ''
const stateOf = ({ body }: WorkspaceObject): string =>
  text(object(body.properties).status) ?? 'Unknown'
const text = (value: Json | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined
