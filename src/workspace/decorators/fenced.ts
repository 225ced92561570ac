import { HoldfastError } from '../../model/errors.ts'
import type { Workspace } from '../workspace.ts'
import { interceptWorkspace } from './intercept.ts'

export interface FenceOptions {
  /** The group's epoch as of now, asked before every write. When it rejects, the write is refused. */
  readonly currentEpoch: () => Promise<number>
}

/**
 * Refuses writes of a past epoch with `epoch.stale` before any effect (I1). A write of a later epoch
 * than the source knows passes: whoever raises the epoch writes before everybody has heard of it.
 */
export function fenced(workspace: Workspace, options: FenceOptions): Workspace {
  return interceptWorkspace(workspace, async (call, next) => {
    if (!call.writes) return await next()
    const current = await options.currentEpoch()
    if (call.epoch === undefined || call.epoch < current) {
      throw new HoldfastError(
        'epoch.stale',
        `${call.operation} on ${call.workspace} carries epoch ${call.epoch}; the group is at ${current}`,
        { place: call.workspace, hint: 'Read the current epoch and plan again.' },
      )
    }
    return await next()
  })
}
