import type { GroupStatus, Operation } from '../api/contract.ts'
import type { JsonObject } from '../model/json.ts'
import type { NotifyEvent } from '../plan/notify-schema.ts'
import type { Notification } from './notification.ts'

/** What was known when people were told last; kept, so that a restart tells nothing twice. */
export interface Seen extends JsonObject {
  readonly outages: Readonly<Record<string, OutageLevel>>
  readonly decision: string
  readonly rpoExceeded: boolean
  readonly notReady: boolean
  readonly drillOverdue: boolean
  /** Absent in what earlier versions kept. */
  readonly drillHeldUp?: boolean
  /** Id -> status and outcome. */
  readonly operations: Readonly<Record<string, string>>
}
type OutageLevel = 'none' | 'suspected' | 'confirmed'

export type News = Omit<Notification, 'key' | 'group' | 'at'>

/**
 * What is new for people since `before`; pure. Null: nobody has looked before, so what is over
 * already is no news.
 */
export function observe(
  before: Seen | null,
  status: GroupStatus,
  operations: readonly Operation[],
): { readonly seen: Seen; readonly news: readonly News[] } {
  const told = operations.filter(({ type }) => type !== 'sync' && type !== 'verify')
  const seen = seenIn(before, status, told)
  const was = before ?? { ...nothing, operations: endedIn(told) }
  return {
    seen,
    news: [
      ...outageNews(was, seen, status),
      ...decisionNews(was, seen, status),
      ...told.toReversed().flatMap((operation) => operationNews(was, operation)),
      ...rpoNews(was, seen, status),
      ...readinessNews(was, seen, status),
      ...drillNews(was, seen, status),
    ],
  }
}

const nothing: Seen = {
  ...{ outages: {}, decision: 'none', rpoExceeded: false, notReady: false, drillOverdue: false },
  operations: {},
}

function seenIn(before: Seen | null, status: GroupStatus, told: readonly Operation[]): Seen {
  const { lagMs, objectives, decision, readiness, drill } = status
  const was = before ?? nothing
  return {
    outages: Object.fromEntries(
      status.members.map(({ name, health }) => [
        name,
        outageOf(was.outages[name] ?? 'none', name, health, status),
      ]),
    ),
    decision: decision.action ?? was.decision,
    // Without a replication point nothing is measured, so nothing changed.
    rpoExceeded: lagMs === null ? was.rpoExceeded : lagMs > objectives.rpoMs,
    notReady: readiness === null ? was.notReady : readiness.verdict === 'not-ready',
    drillOverdue: drill.overdue,
    drillHeldUp: heldUp(status) !== undefined,
    operations: Object.fromEntries(told.map((one) => [one.id, phaseOf(one)])),
  }
}

function outageOf(
  was: OutageLevel,
  name: string,
  health: GroupStatus['members'][number]['health'],
  { effectivePrimary, verdict }: GroupStatus,
): OutageLevel {
  if (health === 'unknown') return was
  if (health === 'healthy') return 'none'
  if (health === 'degraded') return was === 'confirmed' ? 'confirmed' : 'suspected'
  // Confirmed means: worth a failover. After one, the member that is away stays what it was.
  const worthIt = name === effectivePrimary && verdict?.recommendation === 'failover'
  return worthIt || was === 'confirmed' ? 'confirmed' : 'suspected'
}

function outageNews(was: Seen, seen: Seen, status: GroupStatus): News[] {
  return Object.entries(seen.outages).flatMap(([member, level]): News[] => {
    if (level === (was.outages[member] ?? 'none')) return []
    const reason = status.members.find(({ name }) => name === member)?.reason ?? ''
    const incident = `outage/${member}`
    if (level === 'none')
      return [
        news('outage-over', incident, `${member} answers again`, 'Look at `holdfast status`.'),
      ]
    if (level === 'suspected')
      return [news('outage-suspected', incident, `${member} may be down`, reason)]
    return [
      news(
        'outage-confirmed',
        incident,
        `${member} is down`,
        `${reason} ${status.verdict?.sentence ?? ''}`,
      ),
    ]
  })
}

function decisionNews(was: Seen, seen: Seen, { decision, effectivePrimary }: GroupStatus): News[] {
  if (seen.decision === was.decision) return []
  const sentence = decision.sentence ?? ''
  const incident = `decision/${effectivePrimary}`
  if (seen.decision === 'recommend')
    return [
      news(
        'failover-recommended',
        incident,
        'A failover is recommended',
        `${sentence} Decide: holdfast failover`,
      ),
    ]
  if (seen.decision !== 'failover') return []
  return [news('failover-decided', incident, 'A failover was decided automatically', sentence)]
}

const phaseOf = ({ status, outcome, waitingFor }: Operation) =>
  [status, outcome ?? '', waitingFor ?? ''].join(' ')

const isEnded = ({ status }: Operation) => ['done', 'failed', 'unknown'].includes(status)

const endedIn = (operations: readonly Operation[]) =>
  Object.fromEntries(operations.filter(isEnded).map((one) => [one.id, phaseOf(one)]))

function operationNews(was: Seen, operation: Operation): News[] {
  const { id, type, by, waitingFor, outcome, status, error } = operation
  const before = was.operations[id]
  if (before === phaseOf(operation)) return []
  const incident = `operation/${id}`
  const started = news(
    'operation-started',
    incident,
    `${type} began`,
    `${id}, asked for by ${by ?? 'the controller'}.`,
  )
  const begun = before === undefined ? [started] : []
  if (status === 'waiting')
    return [
      ...begun,
      news(
        'operation-waiting',
        incident,
        `${type} waits for ${waitingFor ?? 'somebody'}`,
        `${id} goes on when it is answered: holdfast status`,
      ),
    ]
  if (!isEnded(operation)) return begun
  const isGood = outcome === 'complete'
  const why = error === null ? '' : ` ${error.message}`
  return [
    ...begun,
    {
      ...news(
        'operation-ended',
        incident,
        `${type} ended: ${outcome ?? status}`,
        `${id}.${why} See: holdfast history`,
      ),
      severity: isGood ? 'info' : 'critical',
      over: isGood,
    },
  ]
}

function rpoNews(was: Seen, seen: Seen, { replicationPoint, objectives }: GroupStatus): News[] {
  if (was.rpoExceeded === seen.rpoExceeded) return []
  const minutes = `${Math.round(objectives.rpoMs / 6000) / 10} min`
  return [
    seen.rpoExceeded
      ? news(
          'rpo-exceeded',
          'rpo',
          `The replication point is older than the RPO of ${minutes}`,
          `It is ${replicationPoint ?? 'none'}. See: holdfast objects --only failed`,
        )
      : news(
          'rpo-recovered',
          'rpo',
          `The replication point is within the RPO of ${minutes} again`,
          `It is ${replicationPoint ?? 'none'}.`,
        ),
  ]
}

function readinessNews(was: Seen, seen: Seen, { readiness }: GroupStatus): News[] {
  if (was.notReady === seen.notReady) return []
  const why = (readiness?.findings ?? []).map(({ sentence }) => sentence).join(' ')
  return [
    seen.notReady
      ? news(
          'readiness-lost',
          'readiness',
          'A failover would not work now',
          `${why} See: holdfast assess`,
        )
      : news('readiness-regained', 'readiness', 'A failover would work again', why),
  ]
}

const heldUp = ({ findings }: GroupStatus) => findings.find(({ rule }) => rule === 'drill-held-up')

function drillNews(was: Seen, seen: Seen, status: GroupStatus): News[] {
  const { sentence, remedy } = heldUp(status) ?? { sentence: '', remedy: '' }
  return [
    ...(!was.drillOverdue && seen.drillOverdue
      ? [news('drill-overdue', 'drill', 'A drill is overdue', 'Rehearse: holdfast drill')]
      : []),
    ...(!was.drillHeldUp && seen.drillHeldUp
      ? [news('drill-held-up', 'drill', 'A drill does not begin', `${sentence} ${remedy}`)]
      : []),
  ]
}

const severities: Readonly<Record<NotifyEvent, News['severity']>> = {
  'outage-suspected': 'warning',
  'outage-confirmed': 'critical',
  'outage-over': 'info',
  'failover-recommended': 'critical',
  'failover-decided': 'critical',
  'operation-started': 'info',
  'operation-waiting': 'warning',
  'operation-ended': 'info',
  'rpo-exceeded': 'warning',
  'rpo-recovered': 'info',
  'readiness-lost': 'warning',
  'readiness-regained': 'info',
  'drill-overdue': 'warning',
  'drill-held-up': 'warning',
}
const endings = new Set<NotifyEvent>([
  ...(['outage-over', 'operation-ended', 'rpo-recovered', 'readiness-regained'] as const),
])

function news(event: NotifyEvent, incident: string, title: string, text: string): News {
  return {
    ...{ event, incident, title, text: text.trim() },
    severity: severities[event],
    over: endings.has(event),
  }
}
