import { createRequire } from 'node:module'
import { type Command, InvalidArgumentError, Option } from 'commander'

/** What stdout carries. `table` is for people; the others are for programs. */
export const outputFormats = ['table', 'json', 'yaml', 'csv'] as const
export type OutputFormat = (typeof outputFormats)[number]

export interface OutputOptions {
  readonly output?: OutputFormat
  /** The short form of `output: 'json'`. */
  readonly json?: boolean
}

/** Adds `--output` and `--json`. `rows`: the command prints rows, so that CSV makes sense. */
export function withOutput(command: Command, choices: { readonly rows?: boolean } = {}): Command {
  const offered = outputFormats.filter((format) => format !== 'csv' || choices.rows === true)
  return command
    .addOption(
      new Option('-o, --output <format>', 'how stdout is written')
        .choices(offered)
        .default('table')
        .argParser((text) => formatOf(text, offered)),
    )
    .addOption(new Option('--json', 'the same as --output json').implies({ output: 'json' }))
}

function formatOf(text: string, offered: readonly OutputFormat[]): OutputFormat {
  const found = offered.find((format) => format === text)
  if (found !== undefined) return found
  const allowed = `Write one of: ${offered.join(', ')}.`
  throw new InvalidArgumentError(
    text === 'csv' ? `CSV is for rows, and this command prints none. ${allowed}` : allowed,
  )
}

/** The format that was asked for, also of a command line that cannot be understood otherwise. */
export function formatIn(argv: readonly string[]): OutputFormat {
  if (argv.includes('--json')) return 'json'
  const at = argv.findIndex((word) => /^(-o|--output)(=|$)/.test(word))
  const [, value = argv[at + 1]] = argv[at]?.split('=') ?? []
  return outputFormats.find((format) => format === value) ?? 'table'
}

// Libraries are read when a document is written, so that a table or the help costs nothing of them;
// `import()` would make every place that prints asynchronous.
const require = createRequire(import.meta.url)

export function yamlText(value: unknown): string {
  const { stringify } = require('yaml') as typeof import('yaml')
  // Through JSON, so that both documents hold the same.
  // A command that follows something writes one document after another.
  return `---\n${stringify(JSON.parse(JSON.stringify(value)))}`
}

/** One line each, below the names of the fields; what is nested has a dot in its name. */
export function csvText(rows: readonly object[]): string {
  const { stringify } = require('csv-stringify/sync') as typeof import('csv-stringify/sync')
  const flat = rows.map((row) => Object.fromEntries(fieldsOf(row)))
  const names = [...new Set(flat.flatMap((row) => Object.keys(row)))]
  // What is nested in one row may be absent in another.
  const columns = names.filter((name) => !names.some((other) => other.startsWith(`${name}.`)))
  // A spreadsheet must not run what a name of an object holds.
  return stringify(flat, { header: true, columns, escape_formulas: true })
}

function fieldsOf(value: object, prefix = ''): [string, unknown][] {
  return Object.entries(value).flatMap(([name, field]): [string, unknown][] => {
    if (Array.isArray(field)) return [[prefix + name, JSON.stringify(field)]]
    if (typeof field === 'object' && field !== null) return fieldsOf(field, `${prefix}${name}.`)
    return [[prefix + name, field === null ? '' : String(field)]]
  })
}
