import { captureOpenJobs } from '../../jobs/capture.ts'
import type { JsonObject } from '../../model/json.ts'
import { formatObjectId, parseObjectId } from '../../model/object-id.ts'
import type { PassResult } from '../../replication/pass.ts'
import { toRunError } from '../../runbook/durable-engine.ts'
import type { RunHeader } from '../../runbook/journal.ts'
import type { PerformTools } from '../../runbook/perform.ts'
import { bindRunbook, type RunbookBinding } from '../../runbook/runner.ts'
import type { StableEndpoint } from '../../traffic/stable-endpoint.ts'
import { interceptWorkspace } from '../../workspace/decorators/intercept.ts'
import type { Workspace } from '../../workspace/workspace.ts'
import { drill } from '../drill.ts'
import { failover } from '../failover.ts'
import type {
  ColdObjects,
  DrillWorld,
  FailoverWorld,
  ReprotectWorld,
  Salvage,
  SwitchoverWorld,
} from '../ports.ts'
import type { Records } from '../records.ts'
import { reprotect } from '../reprotect.ts'
import { switchover } from '../switchover.ts'
import { moveExtension } from '../user-steps/extend-runbook.ts'
import { outbound } from './records.ts'
import { clock, names } from './regions.ts'

/** The outside as one controller process reaches it. */
export interface Reach {
  readonly east: Workspace
  readonly west: Workspace
  readonly gateway: StableEndpoint
  readonly config: StableEndpoint
}

/** Called before and after every effect on the outside; a test may end the process there. */
export type EffectHook = (when: 'before' | 'after', what: string) => Promise<void>

export function hooked(reach: Reach, hook: EffectHook): Reach {
  const around = (workspace: Workspace): Workspace =>
    interceptWorkspace(workspace, async (call, next) => {
      if (!call.writes) return next()
      const what = `${workspace.name} ${call.operation}`
      await hook('before', what)
      const result = await next()
      await hook('after', what)
      return result
    })
  const aroundEndpoint = (endpoint: StableEndpoint): StableEndpoint => ({
    ...endpoint,
    switchTo: async (...args) => {
      await hook('before', `${endpoint.name} switchTo`)
      await endpoint.switchTo(...args)
      await hook('after', `${endpoint.name} switchTo`)
    },
  })
  return {
    east: around(reach.east),
    west: around(reach.west),
    gateway: aroundEndpoint(reach.gateway),
    config: aroundEndpoint(reach.config),
  }
}

export function captureEast(records: Records, reach: Reach, group = 'g') {
  return captureOpenJobs({
    group,
    ...{ source: reach.east, target: reach.west },
    relocate: (_id, body) => ({ body: specificationOf(body), rewritten: [], unresolved: [] }),
    store: records.jobs,
    epoch: 1,
    now: clock,
  })
}

function specificationOf(body: JsonObject): JsonObject {
  const { status, ...properties } = body.properties as JsonObject
  return { properties }
}

export function failoverWorld(records: Records, reach: Reach, header: RunHeader): FailoverWorld {
  const { group, input } = header
  return {
    ...records,
    run: header.id,
    group,
    objectives: { rtoMs: 60_000, rpoMs: 20_000 },
    now: clock,
    source: reach.east,
    target: reach.west,
    expectedEpoch: Number((input as JsonObject).expectedEpoch ?? 1),
    detectedAt: '2026-01-01T11:59:50.000Z',
    decidedAt: '2026-01-01T11:59:55.000Z',
    cold: coldObjects(records, reach, group),
    jobPolicy: { resubmit: 'checkpointed', holdMs: 600_000 },
    traffic: [reach.gateway],
    configuration: [reach.config],
    fenceLimitMs: 2000,
    warmLimitMs: 0,
    sleep: async () => undefined,
  }
}

export function reprotectWorld(records: Records, reach: Reach, header: RunHeader): ReprotectWorld {
  const { group } = header
  return {
    ...records,
    run: header.id,
    group,
    objectives: { rtoMs: 60_000, rpoMs: 20_000 },
    now: clock,
    primary: reach.west,
    returning: reach.east,
    epoch: 2,
    salvage: salvageModels(reach),
    replicate: async ({ epoch }) => {
      const direction = { group, source: 'west', target: 'east' }
      const point = { at: clock().toISOString(), epoch, runsSince: null }
      await records.ledger.advancePoint(direction, point)
      return complete(point.at)
    },
  }
}

export function switchoverWorld(
  records: Records,
  reach: Reach,
  header: RunHeader,
): SwitchoverWorld {
  const conflicts = Number((header.input as JsonObject).conflicts ?? 0)
  return {
    ...failoverWorld(records, reach, header),
    ...reprotectWorld(records, reach, header),
    captureJobs: async () => (await captureEast(records, reach, header.group)).jobs.length,
    replicateOut: async ({ epoch }) => {
      const direction = outbound(header.group)
      // As every pass does, it captures schedules as they are now.
      const { items } = await reach.east.listObjects('schedule')
      const captured = items.map(({ id: { kind, path }, body }) => ({
        ...{ object: formatObjectId({ kind, path }), kind, digest: 'd', epoch },
        ...{ body: { properties: body.properties ?? {} }, at: clock().toISOString() },
      }))
      await records.definitions.write(direction, captured)
      const point = { at: clock().toISOString(), epoch, runsSince: null }
      if (conflicts > 0) return { ...complete(point.at), outcome: 'partial', conflicts }
      await records.ledger.advancePoint(direction, point)
      return complete(point.at)
    },
  }
}

function drillWorld(records: Records, reach: Reach, header: RunHeader): DrillWorld {
  const { decidedAt, jobPolicy, warmLimitMs, sleep } = failoverWorld(records, reach, header)
  return {
    ...records,
    run: header.id,
    group: header.group,
    objectives: { rtoMs: 60_000, rpoMs: 60_000 },
    now: clock,
    // The drill's port has no more of it than the name.
    source: { name: reach.east.name },
    target: reach.west,
    epoch: Number((header.input as JsonObject).expectedEpoch ?? 1),
    ...{ decidedAt, jobPolicy, warmLimitMs, sleep },
    rehearseJobs: 'start',
    sampleSize: 10,
  }
}

const complete = (replicationPoint: string): PassResult => ({
  outcome: 'complete',
  replicationPoint,
  compared: 1,
  created: 0,
  updated: 0,
  failed: 0,
  pending: 0,
  error: null,
  conflicts: 0,
  bytesCopied: 0,
  requests: 1,
  durationMs: 1,
})

export function bindings(records: Records, reach: Reach, tools: PerformTools): RunbookBinding[] {
  const opened = <World>(world: World) => ({ world, close: async () => undefined })
  const where = { env: process.env, folder: import.meta.dirname }
  return [
    bindRunbook(
      failover,
      async (header) => opened(failoverWorld(records, reach, header)),
      tools,
      moveExtension(where),
    ),
    bindRunbook(
      switchover,
      async (header) => opened(switchoverWorld(records, reach, header)),
      tools,
      moveExtension<SwitchoverWorld>(where),
    ),
    bindRunbook(drill, async (header) => opened(drillWorld(records, reach, header)), tools),
    bindRunbook(reprotect, async (header) => opened(reprotectWorld(records, reach, header)), tools),
  ]
}

/** The port's contract over the scene's one captured model. */
function coldObjects(records: Records, reach: Reach, group: string): ColdObjects {
  const missing = async (): Promise<string[]> => {
    const found = await reach.west.getObject(names.coldModel)
    return found === undefined ? [formatObjectId(names.coldModel)] : []
  }
  return {
    missing,
    create: async ({ epoch, signal }) => {
      const objects = await missing()
      const definitions = await records.definitions.read(outbound(group), objects)
      for (const { object, body } of definitions.values()) {
        await reach.west.putObject(parseObjectId(object), body, { epoch, signal })
      }
      return { created: objects, failed: [] }
    },
  }
}

/** The port's contract over the scene's one model that no pass saw. */
function salvageModels(reach: Reach): Salvage {
  return async ({ epoch, signal }) => {
    const there = await reach.west.getObject(names.late)
    const here = await reach.east.getObject(names.late)
    const object = formatObjectId(names.late)
    const conflicts = [{ object: 'component/both/1', detail: 'west keeps its own' }]
    if (there !== undefined || here === undefined)
      return { salvaged: [object], conflicts, failed: [] }
    try {
      await reach.west.putObject(names.late, here.body, { epoch, signal, condition: 'absent' })
      return { salvaged: [object], conflicts, failed: [] }
    } catch (error) {
      return { salvaged: [], conflicts, failed: [{ object, ...toRunError(error) }] }
    }
  }
}
