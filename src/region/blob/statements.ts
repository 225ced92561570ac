import type Database from 'libsql'
import { inTransaction } from '../store/database.ts'

export type Raw = Record<string, unknown>

/** Prepared statements by their text, over the region's one database. */
export class Statements {
  readonly #db: Database.Database
  readonly #prepared = new Map<string, Database.Statement>()

  constructor(db: Database.Database, schema: string) {
    this.#db = db
    db.exec(schema)
  }

  /** Runs `work` in a transaction, or in the caller's when there is one. */
  atomically<T>(work: () => T): T {
    return inTransaction(this.#db, work)
  }

  run(sql: string, ...values: unknown[]): void {
    this.#statement(sql).run(...values)
  }

  get(sql: string, ...values: unknown[]): Raw | undefined {
    return this.#statement(sql).get(...values) as Raw | undefined
  }

  all(sql: string, ...values: unknown[]): Raw[] {
    return this.#statement(sql).all(...values) as Raw[]
  }

  #statement(sql: string): Database.Statement {
    const known = this.#prepared.get(sql)
    if (known !== undefined) return known
    const made = this.#db.prepare(sql)
    this.#prepared.set(sql, made)
    return made
  }
}

export const text = (value: unknown): string => String(value)
export const number = (value: unknown): number => Number(value)
