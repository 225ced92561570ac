import { HoldfastError } from '../../model/errors.ts'
import type { Workspace } from '../workspace.ts'
import { interceptWorkspace } from './intercept.ts'

/** Refuses every write with `workspace.read-only`: for plans, assessments, drift. */
export function readOnly(workspace: Workspace): Workspace {
  return interceptWorkspace(workspace, async (call, next) => {
    if (!call.writes) return await next()
    throw new HoldfastError(
      'workspace.read-only',
      `${call.operation} would change ${call.workspace}, which is open for reading only`,
      { place: call.workspace },
    )
  })
}
