import type {
  DecisionsPage,
  JobsPage,
  ObjectsPage,
  Operation,
  OperationsPage,
  OperationType,
  Readiness,
  ReplicationPlan,
  ResolvedRun,
  StartOperation,
  Status,
  VantageReport,
} from '../api/contract.ts'
import type { HistoryPage } from '../api/evidence-contract.ts'
import type { NotifyTestResult } from '../api/notify-contract.ts'
import type { CallOptions } from '../workspace/workspace.ts'
import type { ServiceTokens } from './access/service-tokens.ts'
import type { EventBus } from './event-bus.ts'
import type { EvidenceService } from './evidence-service.ts'
import type { PageAsked } from './list-pages.ts'
import type { OperationControl } from './operation-control.ts'
import type { Readings } from './readings.ts'
import type { ReplicationService } from './replication-service.ts'

/**
 * What the HTTP API serves. Every method throws `HoldfastError`s, which become problem documents:
 * `group.not-found`, `operation.not-found`, `operation.busy`, `epoch.changed`, …
 */
export interface ControllerService extends Readings {
  readonly events: EventBus
  readonly evidence: EvidenceService
  /** All that readiness needs works: the database answers. */
  isReady(): Promise<boolean>
  status(): Promise<Status>
  plan(group: string, options?: CallOptions & { readonly full?: boolean }): Promise<ReplicationPlan>
  objects(group: string, filter: ObjectsFilter): Promise<ObjectsPage>
  jobs(group: string, page: PageAsked): Promise<JobsPage>
  /** Of a group; throws `group.not-found`. */
  replication(group: string): ReplicationService
  /** Of a group; throws `group.not-found`. */
  tokens(group: string): ServiceTokens
  /** Looks now; takes seconds. */
  readiness(group: string, options: CallOptions): Promise<Readiness>
  resolveRun(group: string, run: string): Promise<ResolvedRun>
  /** What another vantage point sees. Throws `vantage.unknown` for one that the plan does not name. */
  view(group: string, view: VantageReport): Promise<void>
  pause(group: string, reason: string | null, by: string): Promise<void>
  /** Lets automatic decisions go on after an automatic failover. */
  acknowledge(group: string, by: string): Promise<void>
  decisions(group: string, page: PageAsked): Promise<DecisionsPage>
  /** With a `key` that was seen before, the operation it began; `request.key-reused` for another request. */
  start(
    group: string,
    type: OperationType,
    request: StartOperation,
    asked: { readonly by: string; readonly byId?: string; readonly key?: string },
  ): Promise<Operation>
  /** Throws `notify.no-channel` (operator). */
  testNotify(group: string, channel?: string): Promise<readonly NotifyTestResult[]>
  history(group: string, query: HistoryFilter): Promise<HistoryPage>
  operations(query: PageAsked & { readonly group?: string | undefined }): Promise<OperationsPage>
  operation(id: string): Promise<Operation>
  /** Asks it to end after the step under way. */
  cancel(id: string, by: string): Promise<Operation>
  /** What people do to an operation that was begun. */
  readonly control: OperationControl
  report(id: string, format: ReportFormat): Promise<string>
}

export interface HistoryFilter extends PageAsked {
  readonly type?: OperationType | undefined
  readonly since?: string | undefined
}

/** As it was written, its page, or the signature of both. */
export type ReportFormat = 'json' | 'html' | 'sig'

export interface ObjectsFilter {
  readonly kind?: string
  readonly state?: string
  readonly name?: string
  readonly cursor?: string
  readonly skip: number
  readonly limit: number
  readonly total: boolean
}
