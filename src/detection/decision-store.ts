import type { Generated } from 'kysely'
import { type Database, sqlMigration } from '../store/database.ts'
import type { Decision } from './decision.ts'

/** What humans said about decisions of a group, and what was decided; survives the controller. */
export interface DecisionStore {
  read(group: string): Promise<GroupMode>
  /** A null reason ends the pause. */
  pause(
    group: string,
    pause: { readonly reason: string; readonly by: string; readonly at: string } | null,
  ): Promise<void>
  noteAutomatic(group: string, at: string): Promise<void>
  acknowledge(group: string, by: string, at: string): Promise<void>
  log(entry: DecisionEntry): Promise<void>
  /** Newest first; only those noted before the one of that number. */
  entries(
    group: string,
    page: { readonly limit: number; readonly before?: number | undefined },
  ): Promise<readonly NotedDecision[]>
}

export interface GroupMode {
  readonly pausedFor: string | null
  readonly pausedBy: string | null
  readonly lastAutomaticAt: string | null
  readonly acknowledgedAt: string | null
}

/** Signal, rule, time, actor, action, result. */
export interface DecisionEntry {
  readonly group: string
  readonly at: string
  readonly actor: string
  readonly action: Decision['action'] | 'pause' | 'resume' | 'acknowledge'
  readonly rule: string
  readonly signal: string
  readonly result: string | null
}

export interface NotedDecision extends DecisionEntry {
  readonly id: number
}

export const decisionMigrations = [
  sqlMigration(
    'decision-1',
    `create table group_mode ("group" text primary key, paused_for text, paused_by text,
      last_automatic_at timestamptz, acknowledged_at timestamptz)`,
    `create table decision (id bigserial primary key, "group" text not null, at timestamptz not null,
      actor text not null, action text not null, rule text not null, signal text not null, result text)`,
    `create index decision_group on decision ("group", id desc)`,
  ),
]

type DecisionTables = {
  group_mode: {
    group: string
    paused_for: string | null
    paused_by: string | null
    last_automatic_at: string | null
    acknowledged_at: string | null
  }
  decision: DecisionEntry & { id: Generated<number> }
}

const unspoken: GroupMode = {
  pausedFor: null,
  pausedBy: null,
  lastAutomaticAt: null,
  acknowledgedAt: null,
}

export function postgresDecisionStore(database: Pick<Database, 'kysely'>): DecisionStore {
  const db = database.kysely.withTables<DecisionTables>()
  const change = async (group: string, values: Partial<DecisionTables['group_mode']>) => {
    await db
      .insertInto('group_mode')
      .values({
        ...{ group, paused_for: null, paused_by: null },
        ...{ last_automatic_at: null, acknowledged_at: null },
        ...values,
      })
      .onConflict((conflict) => conflict.column('group').doUpdateSet(values))
      .execute()
  }
  return {
    read: async (group) => {
      const row = await db
        .selectFrom('group_mode')
        .selectAll()
        .where('group', '=', group)
        .executeTakeFirst()
      if (row === undefined) return unspoken
      return {
        pausedFor: row.paused_for,
        pausedBy: row.paused_by,
        lastAutomaticAt: row.last_automatic_at,
        acknowledgedAt: row.acknowledged_at,
      }
    },
    pause: (group, pause) =>
      change(group, { paused_for: pause?.reason ?? null, paused_by: pause?.by ?? null }),
    noteAutomatic: (group, at) => change(group, { last_automatic_at: at, acknowledged_at: null }),
    acknowledge: (group, _by, at) => change(group, { acknowledged_at: at }),
    log: async (entry) => {
      await db
        .insertInto('decision')
        .values({ ...entry })
        .execute()
    },
    entries: (group, { limit, before }) => {
      const rows = db
        .selectFrom('decision')
        .select(['id', 'group', 'at', 'actor', 'action', 'rule', 'signal', 'result'])
        .where('group', '=', group)
      const page = before === undefined ? rows : rows.where('id', '<', before)
      return page.orderBy('id', 'desc').limit(limit).execute()
    },
  }
}
