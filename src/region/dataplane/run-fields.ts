import { AzureError } from '../context.ts'
import { requireMicros } from './instant.ts'
import { nullsLast, type OrderTerm, type SqlValue } from './keyset.ts'
import { startOrder } from './schema.ts'

/** A field of a run that filters and orders may name. */
export interface RunField {
  readonly sql: string
  readonly params: readonly SqlValue[]
  readonly nullable: boolean
  /** What is ordered by instead of `sql`: an expression that is never NULL and has an index. */
  readonly order?: string
  /** The literal of a filter as the column holds it. */
  readonly value: (literal: string) => SqlValue
}

const text = (literal: string): SqlValue => literal
const flag = (literal: string): SqlValue => (/^true$/i.test(literal) ? 1 : 0)
const column = (sql: string, value = text, nullable = false): RunField => ({
  sql,
  params: [],
  nullable,
  value,
})
const instant = (sql: string, field: string, nullable = false) =>
  column(sql, (literal) => requireMicros(literal, field), nullable)
const ofDocument = (path: string) => column(`json_extract(doc, '$.${path}')`, text, true)

const fields = new Map<string, RunField>([
  ['runid', column('run_id')],
  ['runuuid', column('run_uuid')],
  ['runnumber', column('number', numberOf)],
  ['status', column('status')],
  ['hidden', column('hidden', flag)],
  ['parentrunid', column('parent', text, true)],
  ['rootrunid', column('root')],
  ['createdutc', instant('created', 'createdUtc')],
  ['lastmodifiedutc', instant('modified', 'lastModifiedUtc')],
  // A run that has not begun is before all that have; see the index in schema.ts.
  ['starttimeutc', { ...instant('started', 'startTimeUtc', true), order: startOrder }],
  ['endtimeutc', instant('ended', 'endTimeUtc', true)],
  ['userid', column("json_extract(created_by, '$.userObjectId')", text, true)],
  [
    'experimentid',
    column(
      '(SELECT e.experiment_id FROM dp_experiments e WHERE e.experiment = dp_runs.experiment)',
    ),
  ],
  ['displayname', ofDocument('displayName')],
  ['description', ofDocument('description')],
  ['runtype', ofDocument('runType')],
  ['target', ofDocument('target')],
  ['scriptname', ofDocument('scriptName')],
  ['name', ofDocument('name')],
])

/** `tags/x`, `properties/x`, `parameters/x`: one key of a map. */
const ofMap = /^(tags|properties|parameters)\/(.+)$/i

/** Names are case-insensitive, keys of maps are not. Throws 400 for a field that cannot be asked. */
export function runField(name: string): RunField {
  const known = fields.get(name.toLowerCase())
  if (known) return known
  const [, map, key] = ofMap.exec(name) ?? []
  if (map !== undefined && key !== undefined) return mapEntry(map.toLowerCase(), key)
  throw new AzureError(400, 'ValidationError', `Runs cannot be filtered or ordered by '${name}'.`)
}

/** The value of a key, whatever characters it has; NULL when the map lacks it. */
export const mapEntry = (map: string, key: string): RunField => ({
  sql: `(SELECT j.value FROM json_each(doc, '$.${map}') j WHERE j.key = ?)`,
  params: [key],
  nullable: true,
  value: text,
})

export const orderTerms = (field: RunField, descending: boolean): OrderTerm[] =>
  field.order !== undefined
    ? [{ sql: field.order, params: [], descending }]
    : field.nullable
      ? nullsLast(field.sql, field.params, descending)
      : [{ sql: field.sql, params: field.params, descending }]

function numberOf(literal: string): SqlValue {
  const value = Number(literal)
  if (literal !== '' && Number.isFinite(value)) return value
  throw new AzureError(400, 'ValidationError', `'${literal}' is not a number.`)
}
