import { isCode, isHoldfastError } from '../../model/errors.ts'
import type { Workspace, WorkspaceOperation } from '../workspace.ts'
import { circuitOpen } from './breaking.ts'
import { Gate, type GateOptions } from './gate.ts'
import { interceptWorkspace } from './intercept.ts'

/** What throttles on its own: a service that is overrun must not slow down the others. */
type Service = 'arm' | 'history' | 'metrics' | 'blob' | 'images' | 'vault' | 'scoring' | 'probe'

export const serviceOf: Readonly<Record<WorkspaceOperation, Service>> = {
  describe: 'arm',
  listObjects: 'arm',
  getObject: 'arm',
  putObject: 'arm',
  deleteObject: 'arm',
  readSecrets: 'vault',
  readSealingKey: 'vault',
  makeSealingKey: 'vault',
  findNotProtected: 'arm',
  readClock: 'arm',
  readCapacity: 'arm',
  readServiceEvents: 'arm',
  readResourceHealth: 'arm',
  readAccess: 'arm',
  listExperiments: 'history',
  putExperiment: 'history',
  listRuns: 'history',
  getRun: 'history',
  getRuns: 'history',
  putRuns: 'history',
  readMetrics: 'metrics',
  readMetricsOf: 'metrics',
  writeMetrics: 'metrics',
  listBlobStores: 'blob',
  listBlobs: 'blob',
  getBlob: 'blob',
  readBlob: 'blob',
  blobReadUrl: 'blob',
  copyBlob: 'blob',
  writeBlob: 'blob',
  deleteBlob: 'blob',
  readImage: 'images',
  hasLayer: 'images',
  readLayer: 'images',
  writeLayer: 'images',
  writeImage: 'images',
  submitJob: 'arm',
  cancelJob: 'arm',
  completedSteps: 'history',
  invokeEndpoint: 'scoring',
  probe: 'probe',
  readMarker: 'arm',
  writeMarker: 'arm',
}

/** Bounds the calls in flight, for each service on its own; see `Gate`. The options hold for each. */
export function limited(workspace: Workspace, options: GateOptions = {}): Workspace {
  const gates = new Map<Service, Gate>()
  const gateOf = (service: Service): Gate => {
    const gate = gates.get(service) ?? new Gate(options)
    gates.set(service, gate)
    return gate
  }
  return interceptWorkspace(workspace, async (call, next) => {
    const gate = gateOf(serviceOf[call.operation])
    const era = await gate.enter(call.signal)
    try {
      const result = await next()
      gate.succeed()
      return result
    } catch (error) {
      if (isThrottling(error))
        gate.backOff(era, isHoldfastError(error) ? error.retryAfterMs : undefined)
      throw error
    } finally {
      gate.leave()
    }
  })
}

function isThrottling(error: unknown): boolean {
  // Refused by ourselves: the service said nothing.
  if (isCode(error, circuitOpen)) return false
  return (
    isCode(error, 'workspace.throttled') ||
    isCode(error, 'workspace.unavailable') ||
    (isHoldfastError(error) && error.kind === 'transient' && error.retryAfterMs !== undefined)
  )
}
