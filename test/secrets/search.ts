import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import type { Database } from '../../src/store/database.ts'

/** What was printed, answered, sent or stored, by where it was found. */
export class Findings {
  readonly #texts: { readonly where: string; readonly text: string }[] = []

  add(where: string, text: string): void {
    this.#texts.push({ where, text })
  }

  addFiles(where: string, folder: string): void {
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const file = join(folder, name)
      // One that goes while it is looked at is not kept.
      if (statSync(file, { throwIfNoEntry: false })?.isFile())
        this.add(`${where}/${name}`, readFileSync(file, 'latin1'))
    }
  }

  get places(): readonly string[] {
    return this.#texts.map(({ where }) => where)
  }

  get sizeBytes(): number {
    return this.#texts.reduce((sum, { text }) => sum + text.length, 0)
  }

  /** `what: where` of each secret that stands somewhere, also as base64 and percent-encoded. */
  search(values: ReadonlyMap<string, string>): string[] {
    return [...values].flatMap(([what, value]) => {
      const forms = [value, encodeURIComponent(value), ...base64Forms(value)]
      return this.#texts.flatMap(({ where, text }) =>
        forms.some((form) => text.includes(form)) ? [`${what}: ${where}`] : [],
      )
    })
  }
}

/** Wherever in a longer text the value begins, these letters stand in its base64. */
function base64Forms(value: string): string[] {
  return [0, 1, 2].map((shift) => {
    const text = Buffer.from('x'.repeat(shift) + value).toString('base64')
    return text.slice(shift === 0 ? 0 : 4, -4)
  })
}

/** Every row of every table. */
export async function dumpTables(database: Database): Promise<string> {
  const tables = await sql<{ name: string }>`select format('%I.%I', schemaname, tablename) as name
    from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`.execute(
    database.kysely,
  )
  const texts: string[] = []
  for (const { name } of tables.rows) {
    const { rows } = await sql`select * from ${sql.raw(name)}`.execute(database.kysely)
    texts.push(`${name}\n${JSON.stringify(rows)}`)
  }
  return texts.join('\n')
}
