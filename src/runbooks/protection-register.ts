import { type Database, sqlMigration } from '../store/database.ts'
import type { ProtectionRegister, ProtectionRow } from './ports.ts'

export function memoryProtectionRegister(): ProtectionRegister {
  const rows = new Map<string, ProtectionRow>()
  return {
    read: async (group) => rows.get(group),
    write: async (row) => {
      rows.set(row.group, row)
    },
  }
}

export const protectionMigrations = [
  sqlMigration(
    'protection-1',
    `create table protection (
      "group" text primary key, epoch integer not null, state text not null,
      at timestamptz not null)`,
  ),
]

type ProtectionTables = {
  protection: { group: string; epoch: number; state: ProtectionRow['state']; at: string }
}

export function postgresProtectionRegister(database: Pick<Database, 'kysely'>): ProtectionRegister {
  const db = database.kysely.withTables<ProtectionTables>()
  return {
    read: (group) =>
      db.selectFrom('protection').selectAll().where('group', '=', group).executeTakeFirst(),
    write: async (row) => {
      const { epoch, state, at } = row
      await db
        .insertInto('protection')
        .values({ ...row })
        .onConflict((conflict) => conflict.column('group').doUpdateSet({ epoch, state, at }))
        .execute()
    },
  }
}
