import { invertMap } from '../model/relocate.ts'
import type { ContinuityPlan, PlanMember } from '../plan/continuity-plan.ts'
import { openAzureMlWorkspace } from '../workspace/azureml/azureml-workspace.ts'
import { breaking } from '../workspace/decorators/breaking.ts'
import { callCounter } from '../workspace/decorators/counted.ts'
import { fenced } from '../workspace/decorators/fenced.ts'
import { limited } from '../workspace/decorators/limited.ts'
import { patient } from '../workspace/decorators/patient.ts'
import { retrying } from '../workspace/decorators/retrying.ts'
import { traced } from '../workspace/decorators/traced.ts'
import { openMlflowWorkspace } from '../workspace/mlflow/mlflow-workspace.ts'
import type { Workspace } from '../workspace/workspace.ts'

/** A member of the group as this process reaches it. */
export interface Member {
  readonly plan: PlanMember
  /** Every call is one request, so that a probe measures the service and not our patience. */
  readonly direct: Workspace
  /**
   * Retries, bounds its concurrency, leaves a region alone that only fails, and refuses writes of a
   * past epoch (I1).
   */
  readonly workspace: Workspace
  /** For moves and drills: a busy region is waited for, and tried although others were refused by it. */
  readonly patient: Workspace
  /** The same for a region that is probably dead: what does not work at once is given up. */
  readonly impatient: Workspace
  /** CA to trust besides the public ones, for local regions. */
  readonly caPath: string | undefined
}

export type Members = ReadonlyMap<string, Member>

export function memberOf(members: Members, name: string): Member {
  const member = members.get(name)
  if (member === undefined) throw new Error(`no member ${name}`)
  return member
}

/** The members as a procedure uses them: where a background pass gives up, it waits. */
export function withPatience(members: Members): Members {
  return new Map(
    [...members].map(([name, member]) => [name, { ...member, workspace: member.patient }]),
  )
}

/** Asks no member anything: one that is gone can still be named, probed and left. */
export async function openMembers(
  plan: ContinuityPlan,
  currentEpoch: () => Promise<number>,
  counter = callCounter(),
): Promise<Members> {
  const members = new Map<string, Member>()
  for (const member of plan.members) {
    const { direct: uncounted, caPath } = await openDirect(member, plan)
    const direct = traced(counter.counted(uncounted))
    const onChange = (isOpen: boolean) => counter.onCircuit(member.name, isOpen)
    onChange(false)
    // The fence stands inside the retries: an epoch that begins between two tries counts.
    const guarded = (inner: Workspace) => fenced(inner, { currentEpoch })
    members.set(member.name, {
      plan: member,
      direct,
      workspace: retrying(guarded(limited(breaking(direct, { onChange })))),
      patient: patient(retrying(guarded(limited(direct)))),
      // Not held back by what others met: it has to know now.
      impatient: retrying(guarded(limited(direct)), { attempts: 2, maxRetryAfterMs: 1000 }),
      caPath,
    })
  }
  return members
}

async function openDirect(
  { name, workspace, cloud, mlflow, role }: PlanMember,
  { folder, map }: ContinuityPlan,
): Promise<Pick<Member, 'direct' | 'caPath'>> {
  if (mlflow !== undefined) {
    const direct = openMlflowWorkspace({ name, url: workspace, folder, ...mlflow })
    return { direct, caPath: mlflow.ca }
  }
  const principalNames = role === 'primary' ? {} : (invertMap(map).identity ?? {})
  const direct = await openAzureMlWorkspace({
    ...{ name, workspaceId: workspace, cloud, folder, principalNames },
  })
  return { direct, caPath: direct.cloud.caPath }
}

export async function closeMembers(members: Members): Promise<void> {
  await Promise.all([...members.values()].map(({ direct }) => direct.close()))
}
