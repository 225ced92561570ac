import { type Generated, sql } from 'kysely'
import { type Database, sqlMigration } from '../store/database.ts'
import type { Notification } from './notification.ts'

/** What waits to be told, by channel; survives the controller. At least once, in the order of age. */
export interface Outbox {
  /** A key that a channel has had before is not sent again. */
  put(notification: Notification, channels: readonly string[]): Promise<void>
  /** Takes what is due, for `leaseMs`: no other controller takes it meanwhile. */
  take(group: string, now: Date, limit: number, leaseMs: number): Promise<readonly Letter[]>
  sent(id: number): Promise<void>
  failed(id: number, failure: { readonly error: string; readonly next: Date | null }): Promise<void>
  troubles(group: string): Promise<readonly ChannelTrouble[]>
  /** When the next one is due; null: nothing waits. */
  nextAt(group: string): Promise<Date | null>
}

export interface Letter {
  readonly id: number
  readonly channel: string
  readonly attempts: number
  readonly notification: Notification
}

export interface ChannelTrouble {
  readonly channel: string
  readonly waiting: number
  readonly givenUp: number
  readonly error: string
}

export const outboxMigrations = [
  sqlMigration(
    'notify-1',
    `create table notification (
      id bigint generated always as identity primary key, "group" text not null,
      channel text not null, key text not null, body text not null, at timestamptz not null,
      state text not null default 'waiting', attempts integer not null default 0,
      next_at timestamptz not null, error text, unique ("group", channel, key))`,
    `create index on notification ("group", state, next_at)`,
    `create table notify_seen ("group" text primary key, seen jsonb not null, number bigint not null)`,
  ),
]

type OutboxTables = {
  notification: {
    id: Generated<number>
    group: string
    channel: string
    key: string
    body: string
    at: string
    state: Generated<'waiting' | 'sent' | 'given-up'>
    attempts: Generated<number>
    next_at: string
    error: string | null
  }
}

/** Of a channel that takes nothing, so many wait; older ones are given up, and said to be. */
const waitingLimit = 500
const keptDays = 30

export function postgresOutbox(database: Pick<Database, 'kysely'>): Outbox {
  const db = database.kysely.withTables<OutboxTables>()
  const change = async (id: number, values: object) => {
    await db.updateTable('notification').set(values).where('id', '=', id).execute()
  }
  return {
    put: async (notification, channels) => {
      const { group, key, at } = notification
      for (const channel of channels) {
        const row = { group, channel, key, at, next_at: at, body: JSON.stringify(notification) }
        await db
          .insertInto('notification')
          .values(row)
          .onConflict((conflict) => conflict.columns(['group', 'channel', 'key']).doNothing())
          .execute()
        await bound(db, group, channel)
      }
    },
    take: async (group, now, limit, leaseMs) => {
      const until = new Date(now.getTime() + leaseMs).toISOString()
      const { rows } = await sql<{
        id: number
        channel: string
        attempts: number
        body: string
      }>`update notification set attempts = attempts + 1, next_at = ${until}::timestamptz
        where id in (select id from notification where "group" = ${group} and state = 'waiting'
          and next_at <= ${now.toISOString()}::timestamptz
          order by id limit ${limit} for update skip locked)
        returning id, channel, attempts, body`.execute(db)
      return rows
        .sort((a, b) => a.id - b.id)
        .map(({ body, ...letter }) => ({ ...letter, notification: JSON.parse(body) }))
    },
    sent: (id) => change(id, { state: 'sent', error: null }),
    failed: (id, { error, next }) =>
      change(
        id,
        next === null ? { state: 'given-up', error } : { error, next_at: next.toISOString() },
      ),
    troubles: async (group) => {
      const { rows } = await sql<ChannelTrouble>`select channel,
          count(*) filter (where state = 'waiting') as waiting,
          count(*) filter (where state = 'given-up') as "givenUp",
          (array_agg(error order by id desc))[1] as error
        from notification failing where "group" = ${group} and error is not null
          and not exists (select 1 from notification later where later."group" = failing."group"
            and later.channel = failing.channel and later.state = 'sent' and later.id > failing.id)
        group by channel order by channel`.execute(db)
      return rows
    },
    nextAt: async (group) => {
      const row = await db
        .selectFrom('notification')
        .select('next_at')
        .where('group', '=', group)
        .where('state', '=', 'waiting')
        .orderBy('next_at')
        .limit(1)
        .executeTakeFirst()
      return row === undefined ? null : new Date(row.next_at)
    },
  }
}

async function bound(
  db: ReturnType<Database['kysely']['withTables']>,
  group: string,
  channel: string,
): Promise<void> {
  await sql`update notification set state = 'given-up', error = 'Too many waited.'
    where id in (select id from notification where "group" = ${group} and channel = ${channel}
      and state = 'waiting' order by id desc offset ${waitingLimit})`.execute(db)
  await sql`delete from notification where "group" = ${group} and channel = ${channel}
    and state <> 'waiting' and at < now() - make_interval(days => ${keptDays})`.execute(db)
}
