import { captureOpenJobs } from '../jobs/capture.ts'
import { relocateObject } from '../model/relocate.ts'
import type { ContinuityPlan } from '../plan/continuity-plan.ts'
import { replicateAsApproved } from '../replication/approved-plan.ts'
import type { PassProgress, PassResult, ReplicationContext, Urgent } from '../replication/pass.ts'
import { nameMapFrom } from '../replication/pass-state.ts'
import { replicate } from '../replication/replicate.ts'
import type { Epoch } from '../runbook/epoch-register.ts'
import type { PassOptions } from '../runbooks/ports.ts'
import type { Records } from '../runbooks/records.ts'
import { type Course, courseOf } from './course.ts'
import { type Members, memberOf } from './members.ts'
import { publishRoutes, type StableEndpoints } from './stable-endpoints.ts'

/** What one controller knows of one group, and the work that needs all of it. */
export interface ProtectedGroup {
  readonly plan: ContinuityPlan
  readonly records: Records
  readonly members: Members
  readonly endpoints: StableEndpoints
  readonly clock: () => Date
  readonly log: GroupLog
}

export interface GroupLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

/** The epoch is established before anything else is done with a group. */
export async function currentEpoch({ records, plan }: ProtectedGroup): Promise<Epoch> {
  const epoch = await records.epochs.current(plan.group)
  if (epoch === undefined) throw new Error(`group ${plan.group} has no epoch`)
  return epoch
}

export async function courseNow(group: ProtectedGroup): Promise<Course> {
  const protection = await group.records.protection.read(group.plan.group)
  return courseOf(group.plan, await currentEpoch(group), protection)
}

/** What a pass of this group works with, from one member to the other. */
export function passContext(
  group: Pick<ProtectedGroup, 'plan' | 'records' | 'members' | 'clock'>,
  from: string,
  to: string,
  options: { readonly epoch: number; readonly signal?: AbortSignal },
): ReplicationContext {
  const { plan, records, members, clock } = group
  return {
    group: plan.group,
    plan,
    source: memberOf(members, from).workspace,
    target: memberOf(members, to).workspace,
    ledger: records.ledger,
    definitions: records.definitions,
    runLinks: records.runLinks,
    resolutions: records.resolutions,
    board: records.batches,
    clock,
    ...options,
  }
}

export async function replicateFrom(
  group: ProtectedGroup,
  from: string,
  to: string,
  options: PassOptions & { readonly full?: boolean; readonly planDigest?: string },
): Promise<PassResult> {
  const { epoch, signal, onProgress, full, planDigest } = options
  const context = {
    ...passContext(group, from, to, { epoch, signal }),
    urgent: await urgentOf(group, from),
    ...(full === undefined ? {} : { full }),
    onProgress: progressTo(onProgress),
  }
  return planDigest === undefined ? replicate(context) : replicateAsApproved(context, planDigest)
}

/** Checkpoints and runs of the jobs that were open when they were last noted. */
async function urgentOf({ plan, records }: ProtectedGroup, source: string): Promise<Urgent> {
  const jobs = (await records.jobs.readCapture(plan.group, source))?.jobs ?? []
  return {
    places: jobs.flatMap(({ checkpoints }) => checkpoints ?? []),
    runIds: jobs.map(({ name }) => name),
  }
}

export function progressTo(onProgress: PassOptions['onProgress']) {
  return ({ objectsDone, objectsTotal, bytesDone }: PassProgress) =>
    onProgress(objectsDone, objectsTotal ?? null, bytesDone)
}

/** Notes the open jobs of the primary in the terms of the secondary; gives their number. */
export async function captureJobs(
  group: ProtectedGroup,
  { primary, secondary, epoch }: Pick<Course, 'primary' | 'secondary' | 'epoch'>,
  { signal }: { readonly signal: AbortSignal },
): Promise<number> {
  const { plan, records, members, clock } = group
  const source = memberOf(members, primary).workspace
  const target = memberOf(members, secondary).workspace
  const [from, to] = await Promise.all([source.describe({ signal }), target.describe({ signal })])
  const map = nameMapFrom(plan, primary)
  const capture = await captureOpenJobs({
    group: plan.group,
    ...{ source, target },
    relocate: (id, body) => relocateObject(id, body, from, to, map),
    store: records.jobs,
    epoch,
    now: clock,
    signal,
  })
  return capture.jobs.length
}

export function tellEndpoints(
  group: ProtectedGroup,
  course: Course,
  options: { readonly signal: AbortSignal },
): Promise<readonly string[]> {
  return publishRoutes(group.endpoints, group.members, course, options)
}
