import { digestJson } from '../model/canonical.ts'
import type { Json } from '../model/json.ts'
import type { PlannedAction } from './contract.ts'

/** What makes two plans the same: what would be done to which object, and with which content. */
export function planDigest(actions: readonly PlannedAction[]): string {
  return digestJson(Object.fromEntries(actions.map((one) => [one.object, essence(one)])))
}

export interface PlanDifference {
  readonly object: string
  /** In words for operators; null: nothing was to be done, or is. */
  readonly before: string | null
  readonly after: string | null
}

/** What would be done now and was not planned so, and the other way round. */
export function planDifferences(
  planned: readonly PlannedAction[],
  now: readonly PlannedAction[],
): PlanDifference[] {
  const [before, after] = [byObject(planned), byObject(now)]
  const objects = [...new Set([...before.keys(), ...after.keys()])].sort()
  return objects.flatMap((object) => {
    const [was, is] = [before.get(object), after.get(object)]
    if (was && is && digestJson(essence(was)) === digestJson(essence(is))) return []
    const other = was?.action === is?.action ? ', with other content' : ''
    return [{ object, before: was?.action ?? null, after: is ? `${is.action}${other}` : null }]
  })
}

function byObject(actions: readonly PlannedAction[]): Map<string, PlannedAction> {
  return new Map(actions.map((one) => [one.object, one]))
}

function essence({ action, digest = '', bytes = 0, changes = [] }: PlannedAction): Json {
  return { action, digest, bytes, changes: changes as unknown as Json }
}
