import { isTrackingKind } from '../model/kinds.ts'
import type { WorkspaceObject } from '../workspace/workspace.ts'
import { applyObject, finishDeferred, sameSecrets } from './apply-object.ts'
import type { Ledger } from './ledger.ts'
import { formGivenBack } from './object-forms.ts'
import { emptyTally, type Pass } from './pass-state.ts'
import type { Failure } from './run-content.ts'

/**
 * The pass the other way round, for one object of which the target's content was decided to stand.
 * It writes to the source under the epoch of the pass (I1) and leaves no rows: a crash before the
 * write leaves the conflict and its decision, one after it two equal sides.
 */
export function turned(pass: Pass): Pass {
  const { context } = pass
  return {
    ...pass,
    context: {
      ...context,
      ...{ source: context.target, target: context.source },
      ledger: withoutWrites(context.ledger),
    },
    ...{ direction: pass.backward, backward: pass.direction, from: pass.to, to: pass.from },
    ...{ map: pass.backMap, backMap: pass.map, tally: emptyTally(), unproven: new Map() },
    ...{ begun: new Set(), deferred: [], urgent: undefined },
  }
}

function withoutWrites(ledger: Ledger): Ledger {
  return { ...ledger, write: async () => undefined }
}

/** `from` goes where `standing` is. */
export async function giveObject(
  back: Pass,
  from: WorkspaceObject,
  standing: WorkspaceObject,
): Promise<Failure | undefined> {
  const { id } = from
  if (isTrackingKind(id.kind)) return oneWay
  const desired = formGivenBack(back, from, standing)
  if (desired.stranded.length > 0)
    return { code: 'reference.stranded', message: desired.stranded.join('; ').slice(0, 500) }
  const decision = { action: 'update', reason: 'kept' } as const
  const { state, error } = await applyObject(back, from, desired, standing, decision)
  await finishDeferred(back)
  if (state === 'failed') return error
  return (await sameSecrets(back, id)) ? undefined : otherSecrets
}

/** What a tracking server holds of a copy bears ids and times of its own. */
export const oneWay: Failure = {
  code: 'conflict.one-way',
  message: 'copies at a tracking server are not written back',
}

const otherSecrets: Failure = { code: 'object.not-equal', message: 'its credentials differ' }
