import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Database, migrate, openDatabase } from '../store/database.ts'
import { type AuditHead, readHead } from './audit-head.ts'
import { type AuditLog, auditMigrations, postgresAuditLog } from './audit-log.ts'
import { type HeadKeeper, openHeadKeeper } from './head-keeper.ts'
import { readOrMakeSigningKey, readPublicKey, type SigningKey } from './signing-key.ts'
import { verifyAudit } from './verify-audit.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-audit-'))
let database: Database
let key: SigningKey
let heads: HeadKeeper
let audit: AuditLog
let stateDir: string
let states = 0

beforeAll(async () => {
  database = await openDatabase({ stateDir: join(folder, 'database') })
  await migrate(database, auditMigrations)
}, 60_000)
afterAll(async () => {
  await database.close()
  rmSync(folder, { recursive: true, force: true })
})
const ignoringTrigger = async (...statements: string[]) => {
  for (const statement of [
    'alter table audit_entry disable trigger user',
    ...statements,
    'alter table audit_entry enable trigger user',
  ])
    await sql.raw(statement).execute(database.kysely)
}
const open = async (name: string) => {
  stateDir = join(folder, name)
  key = await readOrMakeSigningKey(stateDir)
  heads = await openHeadKeeper(stateDir, key)
  audit = postgresAuditLog(database, { now: () => new Date('2026-01-01T00:00:00Z'), heads })
}
beforeEach(async () => {
  await ignoringTrigger('truncate audit_entry')
  states += 1
  await open(`state-${states}`)
})

const note = (subject: string) => ({
  ...{ actor: 'alice', group: 'g', action: 'request.pause', subject },
  details: { reason: 'maintenance \u0000 "quoted" ü', count: 1.5, nested: [null, true] },
})
async function* all() {
  yield* await audit.entries({ limit: 1000 })
}
const verdict = async (more: readonly AuditHead[] = []) => {
  const own = await readHead(stateDir)
  const named = [...(own === undefined ? [] : [own]), ...more].map((head) => ({ head, from: 'f' }))
  return verifyAudit(all(), named, [readPublicKey(key.publicKey)])
}
const write = async (count: number) => {
  for (let i = 1; i <= count; i += 1) await audit.append(note(`s${i}`))
}

describe('the audit log', () => {
  it('chains what is written and finds nothing where nothing was touched', async () => {
    await write(5)
    const found = await verdict()
    expect(found).toMatchObject({ entries: 5, lastSeq: 5, headsChecked: 1, broken: null })
    expect((await audit.entries({ after: 3, limit: 10 })).map(({ seq }) => seq)).toEqual([4, 5])
    expect((await audit.last({ group: 'g', action: 'request.pause' }))?.subject).toBe('s5')
    expect(statSync(join(stateDir, 'evidence-key.pem')).mode & 0o777).toBe(0o600)
  })

  it('finds by actor, action or its beginning, and time, from either end', async () => {
    await write(2)
    await audit.append({ ...note('s3'), actor: 'bob', action: 'operation.accepted' })
    await audit.append({ ...note('s4'), action: 'operation.ended' })
    await audit.append({ ...note('s5'), action: 'operations' })
    const seqs = async (filter: Partial<Parameters<AuditLog['entries']>[0]>) =>
      (await audit.entries({ limit: 10, ...filter })).map(({ seq }) => seq)
    expect(await seqs({ action: 'operation' })).toEqual([3, 4])
    expect(await seqs({ actor: 'bob' })).toEqual([3])
    expect(await seqs({ first: 'newest', limit: 2 })).toEqual([5, 4])
    expect(await seqs({ first: 'newest', after: 4 })).toEqual([3, 2, 1])
    expect(await seqs({ until: '2025-12-31T23:59:59.999Z' })).toEqual([])
    expect(await seqs({ since: '2026-01-01T00:00:00.000Z' })).toHaveLength(5)
  })

  it('refuses to change or remove an entry by mistake', async () => {
    await write(1)
    for (const statement of ["update audit_entry set actor = 'x'", 'delete from audit_entry'])
      await expect(sql.raw(statement).execute(database.kysely)).rejects.toThrow('append-only')
  })

  const tamperings: readonly [string, string[], object][] = [
    [
      'a changed row',
      ["update audit_entry set actor = 'bob' where seq = 3"],
      { seq: 3, code: 'changed' },
    ],
    [
      'changed details',
      [`update audit_entry set details = '{"reason":"other"}' where seq = 2`],
      { seq: 2, code: 'changed' },
    ],
    ['a removed row', ['delete from audit_entry where seq = 3'], { seq: 3, code: 'missing' }],
    ['a removed first row', ['delete from audit_entry where seq = 1'], { seq: 1, code: 'missing' }],
    [
      'two rows that changed places',
      [
        'update audit_entry set seq = -1 where seq = 2',
        'update audit_entry set seq = 2 where seq = 3',
        'update audit_entry set seq = 3 where seq = -1',
      ],
      { seq: 2, code: 'changed' },
    ],
    ['a cut-off end', ['delete from audit_entry where seq > 3'], { seq: 4, code: 'cut-off' }],
    ['an emptied table', ['truncate audit_entry'], { seq: 1, code: 'cut-off' }],
  ]
  it.each(tamperings)('finds %s', async (_name, statements, broken) => {
    await write(5)
    await ignoringTrigger(...statements)
    expect((await verdict()).broken).toMatchObject(broken)
  })

  it('still finds a cut-off end after more was written, here and by the next process', async () => {
    await write(5)
    await ignoringTrigger('delete from audit_entry where seq > 3')
    await write(4)
    expect(heads.isContradicted()).toBe(true)
    expect((await verdict()).broken).toMatchObject({ seq: 5, code: 'rewritten' })
    await open(`state-${states}`)
    await write(1)
    expect(heads.isContradicted()).toBe(true)
    expect((await verdict()).broken).toMatchObject({ seq: 5, code: 'rewritten' })
  })

  it('finds a chain that was calculated anew and a head that nobody signed', async () => {
    await write(3)
    const [first] = await audit.entries({ limit: 1 })
    const head = await readHead(stateDir)
    if (first === undefined || head === undefined) throw new Error('nothing was written')
    const forged = { ...head, hash: first.hash, seq: 1 }
    expect((await verdict([forged])).broken).toMatchObject({ seq: 1, code: 'head-forged' })
    await ignoringTrigger('truncate audit_entry')
    const elsewhere = join(folder, `other-${states}`)
    await readOrMakeSigningKey(elsewhere)
    const other = postgresAuditLog(database, {
      now: () => new Date('2026-01-02T00:00:00Z'),
      heads: await openHeadKeeper(elsewhere, key),
    })
    for (let i = 1; i <= 3; i += 1) await other.append(note(`s${i}`))
    expect((await verdict()).broken).toMatchObject({ seq: 3, code: 'rewritten' })
  })

  it('does not fork when two controllers write at once', async () => {
    const second = await openDatabase({ url: database.url })
    const otherKey = await readOrMakeSigningKey(join(folder, `second-${states}`))
    const others = await openHeadKeeper(join(folder, `second-${states}`), otherKey)
    const other = postgresAuditLog(second, { now: () => new Date(), heads: others })
    await Promise.all(
      Array.from({ length: 40 }, (_, i) => (i % 2 ? audit : other).append(note(`p${i}`))),
    )
    await second.close()
    const found = await verdict(others.head() === undefined ? [] : [others.head() as AuditHead])
    expect(found).toMatchObject({ entries: 40, broken: null, headsOfOthers: ['f'] })
    expect([heads.isContradicted(), others.isContradicted()]).toEqual([false, false])
  })

  it('says that a head is not in its file, and writes it when it can again', async () => {
    await write(1)
    rmSync(stateDir, { recursive: true })
    await write(1)
    expect(heads.unwritten()).toContain('ENOENT')
    mkdirSync(stateDir)
    await write(1)
    expect([heads.unwritten(), (await readHead(stateDir))?.seq]).toEqual([null, 3])
  })

  it('keeps an entry and the change it tells of together, or neither', async () => {
    const change = (fails: boolean) =>
      audit.appendWith(async ({ kysely }) => {
        await sql`create table if not exists changed (n int)`.execute(kysely)
        if (fails) throw new Error('refused')
        return { result: 7, note: note('with') }
      })
    await expect(change(true)).rejects.toThrow('refused')
    expect(await audit.last()).toBeUndefined()
    expect(await change(false)).toBe(7)
    expect(await audit.last()).toMatchObject({ seq: 1, subject: 'with' })
  })
})
