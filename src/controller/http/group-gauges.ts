import type { GroupStatus } from '../../api/contract.ts'

export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** One gauge: what it is, and how the status of a group gives its values. */
export interface GroupGauge {
  /** Without `holdfast_`; a label `group` is added to every sample. */
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
  /** Nothing where it is not known: absent is not zero. */
  read(group: GroupStatus): readonly Sample[]
}

const seconds = (ms: number): number => ms / 1000
const one = (value: number | null): readonly Sample[] =>
  value === null ? [] : [{ labels: {}, value }]
const secondsOf = (ms: number | null) => one(ms === null ? null : seconds(ms))
/** 1 for what is so, 0 for the others, so that an alert can ask for each. */
const oneOf = (label: string, all: readonly string[], now: string): readonly Sample[] =>
  all.map((each) => ({ labels: { [label]: each }, value: each === now ? 1 : 0 }))

const replication: readonly GroupGauge[] = [
  {
    ...{ name: 'replication_lag_seconds', help: 'Now minus the replication point', labels: [] },
    read: ({ lagMs }) => secondsOf(lagMs),
  },
  {
    name: 'replication_point_timestamp_seconds',
    ...{ help: 'The instant up to which everything in scope is proven', labels: [] },
    read: ({ replicationPoint }) =>
      secondsOf(replicationPoint === null ? null : Date.parse(replicationPoint)),
  },
  {
    ...{ name: 'objective_rpo_seconds', help: 'The RPO of the plan', labels: [] },
    read: ({ objectives }) => secondsOf(objectives.rpoMs),
  },
  {
    ...{ name: 'objective_rto_seconds', help: 'The RTO of the plan', labels: [] },
    read: ({ objectives }) => secondsOf(objectives.rtoMs),
  },
  {
    ...{ name: 'objects', help: 'Objects in scope by state', labels: ['kind', 'state'] },
    read: ({ counts }) =>
      counts.flatMap(({ kind, proven, pending, failed, conflict, apart }) =>
        Object.entries({ proven, pending, failed, conflict, apart }).map(([state, value]) => ({
          ...{ labels: { kind, state }, value },
        })),
      ),
  },
  {
    ...{ name: 'last_pass_duration_seconds', help: 'Of the newest background pass', labels: [] },
    read: ({ lastPass }) => secondsOf(lastPass?.durationMs ?? null),
  },
  {
    ...{ name: 'last_pass_timestamp_seconds', help: 'When it ended', labels: [] },
    read: ({ lastPass }) => secondsOf(lastPass === null ? null : Date.parse(lastPass.at)),
  },
  {
    ...{ name: 'last_pass_objects', help: 'What it did, by result', labels: ['result'] },
    read: ({ lastPass }) => {
      if (lastPass === null) return []
      const { compared, created, updated, failed, pending, conflicts } = lastPass
      const counts = { compared, created, updated, failed, pending, conflicts }
      return Object.entries(counts).map(([result, value]) => ({ labels: { result }, value }))
    },
  },
  {
    ...{ name: 'workers', help: 'Processes of `holdfast worker` that share passes', labels: [] },
    read: ({ workers = null }) => one(workers),
  },
]

const detection: readonly GroupGauge[] = [
  {
    ...{ name: 'member_healthy', help: '1 when every plane answers', labels: ['member'] },
    read: ({ members }) =>
      members.map(({ name, health }) => ({
        ...{ labels: { member: name }, value: health === 'healthy' ? 1 : 0 },
      })),
  },
  {
    name: 'probe_latency_seconds',
    ...{ help: 'Of the newest probe of a plane', labels: ['member', 'plane'] },
    read: ({ members }) =>
      members.flatMap(({ name, planes }) =>
        Object.entries(planes).map(([plane, { latencyMs }]) => ({
          ...{ labels: { member: name, plane }, value: seconds(latencyMs) },
        })),
      ),
  },
  {
    ...{ name: 'verdict', help: 'What detection recommends', labels: ['recommendation'] },
    read: ({ verdict }) =>
      verdict === null
        ? []
        : oneOf('recommendation', ['none', 'wait', 'failover'], verdict.recommendation),
  },
]

const procedures: readonly GroupGauge[] = [
  {
    name: 'epoch',
    ...{ help: 'Rises by one at every change of effective primary', labels: [] },
    read: ({ epoch }) => one(epoch),
  },
  {
    ...{ name: 'protection', help: 'How the group is protected', labels: ['state'] },
    read: ({ protection }) => {
      const all = ['protected', 'partial', 'unprotected', 'reversed', 'unknown']
      return oneOf('state', all, protection)
    },
  },
  {
    ...{ name: 'operation_running', help: '1 while it is under way', labels: ['type'] },
    read: ({ operation }) =>
      operation === null || operation.endedAt !== null
        ? []
        : [{ labels: { type: operation.type }, value: 1 }],
  },
  {
    name: 'step_duration_seconds',
    ...{ help: 'Of each ended step of the newest operation', labels: ['type', 'step'] },
    read: ({ operation }) =>
      (operation?.steps ?? []).flatMap(({ id, startedAt, endedAt }) =>
        startedAt === null || endedAt === null
          ? []
          : {
              labels: { type: operation?.type ?? '', step: id },
              value: seconds(Date.parse(endedAt) - Date.parse(startedAt)),
            },
      ),
  },
  {
    ...{ name: 'readiness', help: 'Could it fail over now', labels: ['verdict'] },
    read: ({ readiness }) =>
      readiness === null
        ? []
        : oneOf('verdict', ['ready', 'degraded', 'not-ready'], readiness.verdict),
  },
  {
    ...{ name: 'drill_overdue', help: '1 when no drill was complete in time', labels: [] },
    read: ({ drill }) => one(drill.overdue ? 1 : 0),
  },
]

export const groupGauges: readonly GroupGauge[] = [...replication, ...detection, ...procedures]
