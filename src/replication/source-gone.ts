import { isObject } from '../model/field-path.ts'
import type { ObjectId } from '../model/object-id.ts'
import { trackedReferences } from '../model/tracked-ids.ts'
import type { WorkspaceObject } from '../workspace/workspace.ts'
import type { Decision } from './decide-action.ts'
import { type Pass, reading } from './pass-state.ts'

/**
 * A model version outlives the run or logged model it was made from. Once that is deleted for good
 * its bytes are nowhere, and a copy that waited for them would hold the replication point for ever:
 * it is made all the same, naming a place that leads nowhere, as the original does.
 */
export async function withSourceGone(
  pass: Pass,
  { id, body }: WorkspaceObject,
  decision: Decision,
): Promise<Decision> {
  if (id.kind !== 'model-version' || !isObject(body.properties)) return decision
  const [from] = trackedReferences(body.properties.source)
  if (from === undefined || (await isThere(pass, from))) return decision
  return {
    ...decision,
    isSourceGone: true,
    reason: `${from.kind}/${from.path[0]}, which it was made from, was deleted for good at the source: copied without its files`,
  }
}

async function isThere(pass: Pass, id: ObjectId): Promise<boolean> {
  const found =
    id.kind === 'run'
      ? await pass.context.source.getRun(id.path[0] ?? '', reading(pass))
      : await pass.context.source.getObject(id, reading(pass))
  return found !== undefined
}
