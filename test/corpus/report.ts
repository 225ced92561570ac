import { relative } from 'node:path'
import Table from 'cli-table3'
import type { ImportAction } from '../../src/specification/import-session.ts'
import type { Comparison } from './compare-regions.ts'
import type { RoundTrip } from './round-trip.ts'
import type { CorpusRun } from './run-corpus.ts'

export interface KindRow {
  /** Schema of the specifications, as their `$schema` names it. */
  readonly schema: string
  readonly specifications: number
  readonly equal: number
  readonly different: number
  /** Imported, and not copied on purpose (a compute instance). */
  readonly left: number
  readonly refused: number
  readonly notSupported: number
}

/** One row per schema; a specification counts once, by the object it describes. */
export function kindRows(run: CorpusRun, schemas: ReadonlyMap<string, string>): KindRow[] {
  const rows = new Map<string, Record<keyof KindRow, number>>()
  const state = stateOf(run)
  for (const [file, schema] of schemas) {
    const row = rows.get(schema) ?? {
      schema: 0,
      specifications: 0,
      equal: 0,
      different: 0,
      left: 0,
      refused: 0,
      notSupported: 0,
    }
    row.specifications += 1
    row[state(file)] += 1
    rows.set(schema, row)
  }
  return [...rows]
    .map(([schema, row]) => ({ ...row, schema }))
    .sort((a, b) => b.specifications - a.specifications)
}

type State = 'equal' | 'different' | 'left' | 'refused' | 'notSupported'

function stateOf(run: CorpusRun): (file: string) => State {
  const refused = new Set(run.imported.failed.map(({ file }) => file.replace(/:\d+:\d+$/, '')))
  const unsupported = new Set(run.imported.unsupported.map(({ file }) => file))
  const different = new Set(
    run.comparisons.flatMap(({ kind, differences }) =>
      differences.map(({ name }) => `${kind}/${name}`),
    ),
  )
  const kinds = new Map(run.imported.specifications.map(({ file, type }) => [file, type]))
  const main = new Map<string, ImportAction>()
  for (const action of run.imported.actions) {
    if (action.action === 'upload') continue
    const kind = action.action === 'submit' ? 'job' : action.id.kind
    if (kinds.get(action.file) === kind) main.set(action.file, action)
  }
  return (file) => {
    if (refused.has(file)) return 'refused'
    if (unsupported.has(file)) return 'notSupported'
    const action = main.get(file)
    // Described by an earlier file word for word.
    if (action === undefined) return 'equal'
    if (action.action === 'put' && JSON.stringify(action.body).includes('"ComputeInstance"'))
      return 'left'
    return different.has(comparedAs(action)) ? 'different' : 'equal'
  }
}

const collectionOf: Readonly<Record<string, string>> = {
  environment: 'environments',
  model: 'models',
  component: 'components',
  'feature-entity': 'featurestoreEntities',
  'feature-set': 'featuresets',
}

function comparedAs(action: ImportAction): string {
  if (action.action === 'submit') return `job/${action.name}`
  if (action.action !== 'put') return ''
  const kind = collectionOf[action.id.kind] ?? action.id.kind.replaceAll('-', ' ')
  return `${kind}/${action.id.path.join('/')}`
}

export function printReport(run: CorpusRun, rows: readonly KindRow[]): string {
  const byKind = table(
    ['schema', 'files', 'equal', 'left', 'different', 'refused', 'not supported'],
    [
      ...rows.map((row) => [
        row.schema,
        row.specifications,
        row.equal,
        row.left,
        row.different,
        row.refused,
        row.notSupported,
      ]),
      total('all', rows),
    ],
  )
  const objects = objectTable(run.comparisons)
  const short = (file: string) => relative(run.folder, file)
  return [
    byKind,
    objects,
    'Refused:',
    ...run.imported.failed.map(
      ({ file, error }) => `  ${short(file)}: ${error.message} [${error.code}]`,
    ),
    'Not supported:',
    ...run.imported.unsupported.map(({ file, reason }) => `  ${short(file)}: ${reason}`),
    'Different:',
    ...run.comparisons.flatMap(({ kind, differences }) =>
      differences.map(({ name, why }) => `  ${kind} ${name}: ${why}`),
    ),
    'Not proven by the pass:',
    ...run.unproven.map((line) => `  ${line}`),
    'Jobs that would not move:',
    ...run.jobsNotMoved.map((line) => `  ${line}`),
    'Keys not carried over:',
    ...run.imported.unknownKeys.map(({ place, key }) => `  ${key} (${short(place)})`),
  ].join('\n')
}

export function printRoundTrip(trip: RoundTrip): string {
  const { files, exported, imported, unstable, changed, comparisons } = trip
  const compared = comparisons.reduce((n, one) => n + one.equal + one.differences.length, 0)
  const different = comparisons.flatMap(({ kind, differences }) =>
    differences.map(({ name, why }) => `  ${kind} ${name}: ${why}`),
  )
  return [
    `Export: ${files} files; ${exported.failed.length} objects failed; exported again, ${unstable.length} files differ.`,
    `Import into an empty workspace: ${imported.failed.length} files refused; ${compared - different.length} of ${compared} objects equal.`,
    objectTable(comparisons),
    `Exported from there: ${changed.length} files differ.`,
    ...changed.map((file) => `  ${file}`),
    ...different,
  ].join('\n')
}

function objectTable(comparisons: readonly Comparison[]): string {
  return table(
    ['objects', 'primary', 'equal', 'left', 'different'],
    comparisons.map((one) => [one.kind, one.primary, one.equal, one.left, one.differences.length]),
  )
}

function total(name: string, rows: readonly KindRow[]): (string | number)[] {
  const sum = (key: Exclude<keyof KindRow, 'schema'>) => rows.reduce((n, row) => n + row[key], 0)
  return [
    name,
    sum('specifications'),
    sum('equal'),
    sum('left'),
    sum('different'),
    sum('refused'),
    sum('notSupported'),
  ]
}

function table(head: string[], rows: readonly (string | number)[][]): string {
  const made = new Table({ head, style: { head: [], border: [], compact: true } })
  made.push(...rows.map((row) => row.map(String)))
  return made.toString()
}
