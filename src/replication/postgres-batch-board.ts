import { randomUUID } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { type Migration, sqlMigration } from '../store/database.ts'
import { sleep } from '../workspace/cancellation.ts'
import {
  type BatchBoard,
  type BatchResult,
  type BatchWork,
  type BoardRhythm,
  type Claim,
  claimKey,
  type LivingWorker,
  type PassTerms,
} from './batch-board.ts'

export const batchBoardMigrations: readonly Migration[] = [
  sqlMigration(
    'replication-batches-1',
    `create table replication_pass (
       id text primary key, group_name text not null, coordinator text not null,
       terms jsonb not null, closed boolean not null default false,
       beat_at timestamptz not null default now())`,
    `create table replication_batch (
       pass text not null references replication_pass (id) on delete cascade,
       number integer not null, work jsonb not null, holder text,
       attempt integer not null default 0, beat_at timestamptz, result jsonb,
       primary key (pass, number))`,
    `create table replication_worker (
       id text primary key, host text not null, pid integer not null,
       since timestamptz not null default now(), beat_at timestamptz not null default now())`,
  ),
]

const defaultRhythm: BoardRhythm = { beatMs: 1000, ttlMs: 8000, pollMs: 100 }

export interface PostgresBoardOptions {
  /**
   * Stays the same over restarts of one controller: its next pass need not wait for the silence of
   * the last one. Default: nobody before.
   */
  readonly coordinator?: string
  readonly rhythm?: BoardRhythm
}

/** The board that the processes on one PostgreSQL share. Run `batchBoardMigrations` first. */
export function postgresBatchBoard(
  { kysely: db }: { readonly kysely: Kysely<object> },
  { coordinator = randomUUID(), rhythm = defaultRhythm }: PostgresBoardOptions = {},
): BatchBoard {
  const since = sql`now() - make_interval(secs => ${rhythm.ttlMs / 1000}::float)`
  const isOpen = sql`not p.closed and p.beat_at > ${since}`
  const isHeld = sql`b.holder is not null and b.result is null and b.beat_at > ${since}`
  const isMine = ({ pass, number, by, attempt }: Claim) => sql`pass = ${pass}
    and number = ${number} and holder = ${by} and attempt = ${attempt} and result is null`

  /** Takes down what is over; gives how many still work for it. */
  const clear = async (group: string): Promise<number> => {
    const isOver = sql`p.group_name = ${group} and (not (${isOpen}) or p.coordinator = ${coordinator})`
    await sql`delete from replication_pass p where ${isOver} and not exists
      (select from replication_batch b where b.pass = p.id and ${isHeld})`.execute(db)
    // Those that go on nevertheless find it closed.
    await sql`update replication_pass p set closed = true where ${isOver}`.execute(db)
    const { rows } = await sql<{ held: number }>`select count(*) as held from replication_batch b
      join replication_pass p on p.id = b.pass where ${isOver} and ${isHeld}`.execute(db)
    return rows[0]?.held ?? 0
  }

  return {
    rhythm,
    async open(terms, { signal } = {}) {
      while ((await clear(terms.group)) > 0) await sleep(rhythm.pollMs, signal)
      const id = randomUUID()
      await sql`insert into replication_pass (id, group_name, coordinator, terms)
        values (${id}, ${terms.group}, ${coordinator}, ${JSON.stringify(terms)})`.execute(db)
      return id
    },
    async close(pass) {
      await sql`update replication_pass set closed = true where id = ${pass}`.execute(db)
      await sql`delete from replication_pass p where id = ${pass} and not exists
        (select from replication_batch b where b.pass = p.id and ${isHeld})`.execute(db)
    },
    async terms(pass) {
      const { rows } = await sql<{ terms: PassTerms }>`select terms from replication_pass p
        where id = ${pass} and ${isOpen}`.execute(db)
      return rows[0]?.terms
    },
    async put(pass, number, work) {
      await sql`insert into replication_batch (pass, number, work)
        values (${pass}, ${number}, ${JSON.stringify(work)})`.execute(db)
    },
    async claim(by, pass) {
      const { rows } = await sql<{
        pass: string
        number: number
        attempt: number
        work: BatchWork
      }>`update replication_batch set holder = ${by}, attempt = attempt + 1, beat_at = now()
        where (pass, number) = (select b.pass, b.number from replication_batch b
          join replication_pass p on p.id = b.pass
          where b.result is null and ${isOpen} and not (${isHeld})
            ${pass === undefined ? sql`` : sql`and b.pass = ${pass}`}
          order by b.number limit 1 for update of b skip locked)
        returning pass, number, attempt, work`.execute(db)
      const [row] = rows
      return row === undefined ? undefined : { ...row, by }
    },
    async settle(claim, result) {
      const { numAffectedRows } = await sql`update replication_batch
        set result = ${JSON.stringify(result)} where ${isMine(claim)}`.execute(db)
      return numAffectedRows === 1n
    },
    async release(claim) {
      await sql`update replication_batch set holder = null where ${isMine(claim)}`.execute(db)
    },
    async take(pass) {
      const { rows } = await sql<{ number: number; result: BatchResult }>`
        delete from replication_batch where pass = ${pass} and result is not null
        returning number, result`.execute(db)
      return rows
    },
    async beat(by, as) {
      let isOver = false
      if ('worker' in as) {
        const { host, pid } = as.worker
        await sql`insert into replication_worker (id, host, pid) values (${by}, ${host}, ${pid})
          on conflict (id) do update set beat_at = now()`.execute(db)
      } else {
        const { numAffectedRows } = await sql`update replication_pass set beat_at = now()
          where id = ${as.coordinates} and not closed`.execute(db)
        isOver = numAffectedRows === 0n
      }
      const { rows } = await sql<{ pass: string; number: number; attempt: number }>`
        with held as (update replication_batch set beat_at = now()
          where holder = ${by} and result is null returning pass, number, attempt)
        select held.* from held join replication_pass p on p.id = held.pass
        where ${isOpen}`.execute(db)
      const living = await sql<{ workers: number }>`select count(*) as workers
        from replication_worker where beat_at > ${since}`.execute(db)
      const workers = living.rows[0]?.workers ?? 0
      return { standing: new Set(rows.map(claimKey)), workers, isOver }
    },
    async leave(worker) {
      // With those who were killed: nobody else takes them down.
      await sql`delete from replication_worker where id = ${worker} or beat_at < ${since}`.execute(
        db,
      )
    },
    async workers() {
      const { rows } = await sql<LivingWorker>`select id, host, pid, since,
        (select count(*) from replication_batch b where b.holder = w.id and b.result is null) as holds
        from replication_worker w where beat_at > ${since} order by since, id`.execute(db)
      return rows
    },
  }
}
