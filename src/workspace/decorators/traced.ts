import { inSpan, isInSpan } from '../../telemetry/tracing.ts'
import type { Workspace } from '../workspace.ts'
import { interceptWorkspace } from './intercept.ts'
import { serviceOf } from './limited.ts'

/**
 * A workspace whose every try is a span of whatever asks for it: an operation, a call of the API. What
 * nobody asked for (probes, background passes) is counted in the metrics and makes no trace.
 */
export function traced(workspace: Workspace): Workspace {
  return interceptWorkspace(workspace, ({ operation }, next) => {
    const service = serviceOf[operation]
    if (!isInSpan() || service === 'probe') return next()
    const attributes = { 'holdfast.member': workspace.name, 'holdfast.service': service }
    return inSpan(`workspace ${operation}`, { kind: 'client', attributes }, next)
  })
}
