import { sql } from 'kysely'
import type { Finding, GroupStatus, Operation } from '../api/contract.ts'
import type { NotifyTestResult } from '../api/notify-contract.ts'
import { HoldfastError } from '../model/errors.ts'
import { type Channel, openChannel } from '../notify/channel.ts'
import { defaultLimits, deliverDue } from '../notify/deliver.ts'
import type { Notification } from '../notify/notification.ts'
import { type News, observe, type Seen } from '../notify/observe.ts'
import { type Outbox, postgresOutbox } from '../notify/outbox.ts'
import type { ContinuityPlan } from '../plan/continuity-plan.ts'
import type { Database } from '../store/database.ts'
import type { GroupLog } from './protected-group.ts'
import { sleepUnlessAborted } from './watch.ts'

export interface Notifier {
  /** Puts what is new into the outbox; never throws, and nobody has to wait for it. */
  look(status: GroupStatus, operations: () => Promise<readonly Operation[]>): Promise<void>
  /** Sends to one channel, or to all, at once and past the outbox. */
  test(channel: string | undefined): Promise<readonly NotifyTestResult[]>
  findings(): Promise<readonly Finding[]>
  stop(): Promise<void>
}

/** Nothing is due for so long: look again for what another controller has put in. */
const idleMs = 15_000

export function startNotifier(options: {
  readonly plan: Pick<ContinuityPlan, 'group' | 'folder' | 'notify'>
  readonly database: Database
  readonly clock: () => Date
  readonly log: GroupLog
}): Notifier {
  const { plan, database, clock, log } = options
  const channels = plan.notify.map((channel) => openChannel(channel, plan.folder))
  const outbox = postgresOutbox(database)
  const stopped = new AbortController()
  let wake: () => void = () => undefined
  const round = async () => {
    const parts = { outbox, channels, now: clock, signal: stopped.signal }
    await deliverDue(plan.group, parts)
    const next = await outbox.nextAt(plan.group)
    return next === null ? idleMs : Math.min(idleMs, Math.max(100, next.getTime() - Date.now()))
  }
  const sending = (async () => {
    while (!stopped.signal.aborted && channels.length > 0) {
      const woken = new AbortController()
      wake = () => woken.abort()
      const waitMs = await round().catch((error: unknown) => {
        if (!stopped.signal.aborted) warn('notifications are not sent', error)
        return idleMs
      })
      await sleepUnlessAborted(waitMs, AbortSignal.any([stopped.signal, woken.signal]))
    }
  })()
  const warn = (message: string, error: unknown) =>
    log.warn({ group: plan.group, err: error }, message)
  return {
    look: async (status, operations) => {
      if (channels.length === 0) return
      try {
        const isNew = await note(database, plan, status, await operations(), clock())
        if (isNew) wake()
      } catch (error) {
        warn('what is new could not be noted for notifications', error)
      }
    },
    test: async (name) => {
      const chosen = channels.filter((channel) => name === undefined || channel.name === name)
      if (chosen.length === 0) throw noChannel(name, channels)
      return Promise.all(chosen.map((channel) => tryOut(channel, plan.group, clock())))
    },
    findings: async () => (channels.length === 0 ? [] : troublesOf(outbox, plan.group)),
    stop: async () => {
      stopped.abort()
      await sending
    },
  }
}

/**
 * What is known and what is told of it change together, under a lock: two controllers that see the
 * same tell it once.
 */
async function note(
  database: Database,
  plan: Pick<ContinuityPlan, 'group' | 'notify'>,
  status: GroupStatus,
  operations: readonly Operation[],
  now: Date,
): Promise<boolean> {
  const { group } = plan
  return database.kysely.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(hashtext(${`holdfast notify ${group}`}))`.execute(
      transaction,
    )
    const known = await sql<{ seen: Seen; number: number }>`select seen, number from notify_seen
      where "group" = ${group}`.execute(transaction)
    const row = known.rows[0]
    const { seen, news } = observe(row?.seen ?? null, status, operations)
    const before = row?.number ?? 0
    const outbox = postgresOutbox({ kysely: transaction })
    for (const [index, one] of news.entries()) {
      const key = `${group}-${before + index + 1}`
      await outbox.put({ ...one, key, group, at: now.toISOString() }, channelsFor(plan, one))
    }
    await sql`insert into notify_seen ("group", seen, number)
      values (${group}, ${JSON.stringify(seen)}::jsonb, ${before + news.length})
      on conflict ("group") do update set seen = excluded.seen, number = excluded.number`.execute(
      transaction,
    )
    return news.length > 0
  })
}

function channelsFor({ notify }: Pick<ContinuityPlan, 'notify'>, { event }: News): string[] {
  return notify
    .filter(({ events }) => events === undefined || events.some((wanted) => wanted === event))
    .map(({ name }) => name)
}

async function tryOut(channel: Channel, group: string, now: Date): Promise<NotifyTestResult> {
  const at = now.toISOString()
  const notification: Notification = {
    ...{ key: `${group}-test-${now.getTime()}`, group, at, event: 'test', severity: 'info' },
    title: `A test of the channel ${channel.name}`,
    text: 'Nothing happened. Somebody ran: holdfast notify test',
    ...{ incident: 'test', over: true },
  }
  try {
    await channel.send(notification, AbortSignal.timeout(defaultLimits.sendMs))
    return { channel: channel.name, taken: true, error: null }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { channel: channel.name, taken: false, error: message }
  }
}

async function troublesOf(outbox: Outbox, group: string): Promise<Finding[]> {
  return (await outbox.troubles(group)).map(({ channel, waiting, givenUp, error }) => ({
    ...{ rule: 'notify-channel', level: 'degraded' as const },
    sentence: `The channel ${channel} does not take notifications.`,
    evidence: [error, `${waiting} wait, ${givenUp} were given up`],
    remedy: `Correct it, then run \`holdfast notify test --channel ${channel}\`.`,
  }))
}

function noChannel(name: string | undefined, channels: readonly Channel[]): HoldfastError {
  const known = channels.map((channel) => channel.name).join(', ')
  return new HoldfastError(
    'notify.no-channel',
    name === undefined ? 'The plan names no channel.' : `The plan names no channel '${name}'.`,
    {
      kind: 'operator',
      hint: known === '' ? 'Add one below `notify:`; see docs/evidence.md.' : `It names: ${known}.`,
    },
  )
}
