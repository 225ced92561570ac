import { formatObjectId, type ObjectId, parseObjectId } from '../model/object-id.ts'
import { referencesOf } from '../model/references.ts'
import type { WorkspaceObject } from '../workspace/workspace.ts'
import type { Pass } from './pass-state.ts'

/** A reference that is not proven, or not standing at all, would make a broken object. */
export function waitsFor(pass: Pass, source: WorkspaceObject): string | undefined {
  // An endpoint whose traffic follows later stands already: its deployments need not wait for it.
  const standing = new Set(pass.deferred.map(({ id }) => formatObjectId(id)))
  return referencesOf(source.id, source.body, pass.from)
    .map(formatObjectId)
    .find((object) => isAwaited(pass, object, standing))
}

/** A number that was passed over could never be given out again. */
export function earlierVersion(
  pass: Pass,
  { kind, path: [name = '', number] }: ObjectId,
  target: WorkspaceObject | undefined,
): string | undefined {
  if (kind !== 'model-version' || target !== undefined) return undefined
  return [...pass.unproven].find(([object, state]) => {
    const id = parseObjectId(object)
    return (
      state !== 'conflict' &&
      id.kind === kind &&
      id.path[0] === name &&
      Number(id.path[1]) < Number(number)
    )
  })?.[0]
}

function isAwaited(pass: Pass, object: string, standing: ReadonlySet<string>): boolean {
  if (pass.captured.has(object)) return true
  const state = pass.unproven.get(object)
  if (state === undefined || standing.has(object)) return false
  // A container about which the sides disagree is there: it holds versions all the same.
  const { kind } = parseObjectId(object)
  const isContainer = kind === 'registered-model' || kind.endsWith('-container')
  return !(state === 'conflict' && isContainer)
}
