import type { AuditLog } from '../evidence/audit-log.ts'
import { digestJson } from '../model/canonical.ts'
import { isObject } from '../model/field-path.ts'
import type { Json, JsonObject } from '../model/json.ts'
import type { ContinuityPlan } from '../plan/continuity-plan.ts'
import { ownActor } from './audited-records.ts'

/** Of what the plan says, wherever its file lies. */
export function digestOfPlan(plan: ContinuityPlan): string {
  return digestJson(sectionsOf(plan))
}

/** Notes a plan that is not the one of the last start, and which of its sections are others. */
export async function notePlan(plan: ContinuityPlan, audit: AuditLog): Promise<void> {
  const { group } = plan
  const digest = digestOfPlan(plan)
  const sections = sectionsOf(plan)
  const last = await audit.last({ group, action: 'plan.changed' })
  if (last?.subject === digest) return
  const before = isObject(last?.details.sections) ? last.details.sections : {}
  const changed = Object.keys({ ...before, ...sections }).filter(
    (name) => before[name] !== sections[name],
  )
  await audit.append({
    ...{ actor: ownActor, group, action: 'plan.changed', subject: digest },
    details: { changed, sections },
  })
}

function sectionsOf({ folder: _folder, ...plan }: ContinuityPlan): JsonObject {
  return Object.fromEntries(
    Object.entries(plan).map(([name, section]) => [name, digestJson(section as unknown as Json)]),
  )
}
