import { defaultHoldMs } from '../jobs/decide.ts'
import type { JsonObject } from '../model/json.ts'
import { coldObjects } from '../replication/cold-objects.ts'
import { salvageObjects } from '../replication/salvage-objects.ts'
import { verify } from '../replication/verify.ts'
import type { RunHeader } from '../runbook/journal.ts'
import type { PerformTools } from '../runbook/perform.ts'
import { bindRunbook, type RunbookBinding } from '../runbook/runner.ts'
import { drill } from '../runbooks/drill.ts'
import { failover } from '../runbooks/failover.ts'
import type {
  DrillWorld,
  FailoverWorld,
  ReprotectWorld,
  SwitchoverWorld,
  SyncWorld,
  VerifyWorld,
} from '../runbooks/ports.ts'
import { reprotect } from '../runbooks/reprotect.ts'
import { failback, switchover } from '../runbooks/switchover.ts'
import { sync } from '../runbooks/sync.ts'
import { moveExtension, reprotectExtension } from '../runbooks/user-steps/extend-runbook.ts'
import { verification } from '../runbooks/verify.ts'
import { memberOf, withPatience } from './members.ts'
import type { PassGate } from './pass-gate.ts'
import {
  captureJobs,
  courseNow,
  type ProtectedGroup,
  passContext,
  progressTo,
  replicateFrom,
  tellEndpoints,
} from './protected-group.ts'
import { sleepUnlessAborted } from './watch.ts'

/** What a procedure was asked to do; recorded with its run, so it holds after a restart, too. */
export interface ProcedureInput extends JsonObject {
  /** The epoch that whoever decided was looking at. */
  readonly epoch: number
  /** Effective primary of that epoch. */
  readonly primary: string
  readonly secondary: string
  readonly decidedAt: string
  /** Name of the caller; absent: accepted by a controller that did not ask. */
  readonly by?: string
  /** When the first probe without an answer was sent; null: nobody had noticed an outage. */
  readonly detectedAt: string | null
  /** What was known of the outage; absent: noted by an older controller, or there was none. */
  readonly outage?: { readonly isWhole: boolean; readonly answeredAt: string | null }
  /** Of a sync: everything is compared, deletions included. */
  readonly full?: boolean
  /** Of a sync: the plan that somebody has reviewed, and nothing else. */
  readonly planDigest?: string
  /** The plan's own steps, as they were when the run was accepted. */
  readonly userSteps?: readonly JsonObject[]
  /** Of a verification: what it reads. */
  readonly verify?: { readonly share: number; readonly kind?: string }
}

const fenceLimitMs = 5000
const warmLimitMs = 120_000
const drillSampleSize = 50

export function bindProcedures(
  group: ProtectedGroup,
  gate: PassGate,
  tools: PerformTools,
): RunbookBinding[] {
  const opened = <World>(world: World) => ({ world, close: async () => undefined })
  const patiently = { ...group, members: withPatience(group.members) }
  const where = { env: process.env, folder: group.plan.folder }
  const planned = moveExtension<SwitchoverWorld>(where)
  const switchoverTo = async (header: RunHeader) => opened(switchoverWorld(patiently, gate, header))
  return [
    bindRunbook(sync, async (header) => opened(await syncWorld(group, gate, header)), tools),
    bindRunbook(verification, async (header) => opened(verifyWorld(group, gate, header)), tools),
    bindRunbook(
      failover,
      async (header) => opened(failoverWorld(patiently, header)),
      tools,
      moveExtension(where),
    ),
    bindRunbook(switchover, switchoverTo, tools, planned),
    bindRunbook(failback, switchoverTo, tools, planned),
    bindRunbook(drill, async (header) => opened(drillWorld(patiently, header)), tools),
    bindRunbook(
      reprotect,
      async (header) => opened(reprotectWorld(patiently, gate, header)),
      tools,
      reprotectExtension(where),
    ),
  ]
}

async function syncWorld(
  group: ProtectedGroup,
  gate: PassGate,
  header: RunHeader,
): Promise<SyncWorld> {
  const { full = false, planDigest } = header.input as ProcedureInput
  const course = await courseNow(group)
  return {
    epoch: course.epoch,
    captureJobs: (options) => captureJobs(group, course, options),
    replicate: (options) =>
      gate.demand(options.signal, (signal) =>
        replicateFrom(group, course.primary, course.secondary, {
          ...{ ...options, signal, full },
          ...(planDigest === undefined ? {} : { planDigest }),
        }),
      ),
    publishRoutes: (options) => tellEndpoints(group, course, options),
  }
}

function verifyWorld(group: ProtectedGroup, gate: PassGate, header: RunHeader): VerifyWorld {
  const { primary, secondary, epoch, verify: what } = header.input as ProcedureInput
  return {
    epoch,
    verify: (options) =>
      gate.demand(options.signal, (signal) =>
        verify(
          {
            ...passContext(group, primary, secondary, { epoch, signal }),
            onProgress: progressTo(options.onProgress),
          },
          // Seeded by the run: after a crash the same objects are read.
          { share: 1, ...what, seed: header.id },
        ),
      ),
  }
}

function failoverWorld(group: ProtectedGroup, header: RunHeader): FailoverWorld {
  const { plan, records, members, endpoints } = group
  const input = header.input as ProcedureInput
  const target = memberOf(members, input.secondary)
  return {
    ...common(group, header),
    source: memberOf(members, input.primary).impatient,
    target: target.workspace,
    expectedEpoch: input.epoch,
    detectedAt: input.detectedAt,
    ...(input.outage && { outage: input.outage }),
    decidedAt: input.decidedAt,
    definitions: records.definitions,
    cold: coldObjects({
      target: target.workspace,
      definitions: records.definitions,
      direction: { group: plan.group, source: input.primary, target: input.secondary },
      ledger: records.ledger,
    }),
    jobPolicy: { resubmit: plan.jobs.resubmit, holdMs: defaultHoldMs },
    traffic: endpoints.traffic,
    configuration: endpoints.configuration,
    ...(target.caPath === undefined ? {} : { targetCaPath: target.caPath }),
    fenceLimitMs,
    warmLimitMs,
    sleep: sleepUnlessAborted,
  }
}

/** The source answers, so it is worth waiting for; after the move it is the member that returns. */
function switchoverWorld(
  group: ProtectedGroup,
  gate: PassGate,
  header: RunHeader,
): SwitchoverWorld {
  const { primary, secondary, epoch } = header.input as ProcedureInput
  const after = { primary: secondary, secondary: primary, epoch: epoch + 1 }
  return {
    ...failoverWorld(group, header),
    ...reprotectWorld(group, gate, { ...header, input: { ...(header.input as object), ...after } }),
    source: memberOf(group.members, primary).workspace,
    captureJobs: (options) => captureJobs(group, { primary, secondary, epoch }, options),
    replicateOut: (options) =>
      gate.demand(options.signal, (signal) =>
        replicateFrom(group, primary, secondary, { ...options, signal }),
      ),
  }
}

function reprotectWorld(group: ProtectedGroup, gate: PassGate, header: RunHeader): ReprotectWorld {
  const { primary, secondary, epoch } = header.input as ProcedureInput
  return {
    ...common(group, header),
    primary: memberOf(group.members, primary).workspace,
    returning: memberOf(group.members, secondary).workspace,
    epoch,
    salvage: salvageObjects(passContext(group, secondary, primary, { epoch })),
    replicate: (options) =>
      gate.demand(options.signal, (signal) =>
        replicateFrom(group, primary, secondary, { ...options, signal }),
      ),
    protection: group.records.protection,
  }
}

function drillWorld(group: ProtectedGroup, header: RunHeader): DrillWorld {
  const { plan, records, members } = group
  const { primary, secondary, epoch, decidedAt } = header.input as ProcedureInput
  return {
    ...common(group, header),
    source: memberOf(members, primary).workspace,
    target: memberOf(members, secondary).workspace,
    ...{ epoch, decidedAt, warmLimitMs },
    definitions: records.definitions,
    jobPolicy: { resubmit: plan.jobs.resubmit, holdMs: defaultHoldMs },
    rehearseJobs: plan.drill.jobs,
    sampleSize: drillSampleSize,
    sleep: sleepUnlessAborted,
  }
}

function common({ plan, records, clock }: ProtectedGroup, header: RunHeader) {
  return {
    ...records,
    run: header.id,
    group: plan.group,
    objectives: plan.objectives,
    now: clock,
  }
}
