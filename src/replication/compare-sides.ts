import type { FieldComparison } from '../api/detail-contract.ts'
import { canonicalObject, canonicalRun, type RunContent } from '../model/canonical.ts'
import type { JsonObject } from '../model/json.ts'
import type { NameMap } from '../model/move.ts'
import type { ObjectId } from '../model/object-id.ts'
import type { Place } from '../model/place.ts'
import { relocateObject } from '../model/relocate.ts'
import type { Strategy } from '../plan/continuity-plan.ts'
import { fieldChanges } from './field-changes.ts'
import { standingForm } from './standing-form.ts'

/** Which way a comparison looks. */
export interface SidesMove {
  readonly from: Place
  readonly to: Place
  readonly map: NameMap
}

/**
 * Every field in which the target is not literally the source, with the reason. Only `different` means
 * that a pass would act: the rest is what relocation and strategy make of it.
 */
export function compareSides(
  id: ObjectId,
  source: JsonObject,
  target: JsonObject,
  { from, to, map, strategy }: SidesMove & { readonly strategy: Strategy },
): FieldComparison[] {
  const moved = relocateObject(id, source, from, to, map).body
  return marked({
    was: canonicalObject(id, source),
    moved: canonicalObject(id, moved),
    wanted: canonicalObject(id, standingForm(id, moved, strategy)),
    is: canonicalObject(id, target),
  })
}

/** The same of two runs; `target` under the id it has at the source. */
export function compareRuns(
  id: ObjectId,
  source: RunContent,
  target: RunContent,
  { from, to, map }: SidesMove,
): FieldComparison[] {
  const moved = canonicalRun({
    ...source,
    body: relocateObject(id, source.body, from, to, map).body,
  })
  const named = { ...target, runId: source.runId, body: { ...target.body, runId: source.runId } }
  return marked({ was: canonicalRun(source), moved, wanted: moved, is: canonicalRun(named) })
}

interface Forms {
  readonly was: JsonObject
  readonly moved: JsonObject
  readonly wanted: JsonObject
  readonly is: JsonObject
}

function marked({ was, moved, wanted, is }: Forms): FieldComparison[] {
  const steps = [
    ['different', wanted, is],
    ['held-back', moved, wanted],
    ['relocated', was, moved],
  ] as const
  const fields = new Map<string, FieldComparison>()
  for (const [mark, before, after] of steps) {
    for (const { path, from, to } of fieldChanges(before, after)) {
      if (fields.has(path)) continue
      fields.set(path, {
        path,
        mark,
        ...(from === undefined ? {} : { source: from }),
        ...(to === undefined ? {} : { target: to }),
      })
    }
  }
  return [...fields.values()].sort((a, b) => order.indexOf(a.mark) - order.indexOf(b.mark))
}

const order = ['different', 'held-back', 'relocated']
