import type pg from 'pg'

/**
 * Whose the runs of the engine are, read and changed in its own table: DBOS gives a run back to a
 * process of the version that began it, and commands have versions of their own.
 */

export const schemaName = 'holdfast_dbos'

type Client = Pick<pg.Client, 'query'>

/** Of a process that performs only what it is asked for. */
export const versionOfOne = (shared: string, executorId: string) => `${shared}/only/${executorId}`

/** Runs that are not over. */
export interface LeftRuns {
  /** What controllers share; versions of commands come along. */
  readonly version: string
  /** Default: all. */
  readonly only?: ReadonlySet<string>
}

/** The queue of a version belongs to all its processes, so nobody has to adopt what waits there. */
const openRuns = `status in ('PENDING', 'ENQUEUED')
  and (application_version = $1 or starts_with(application_version, $1 || '/only/'))
  and ($2::text[] is null and (status = 'PENDING' or application_version <> $1)
    or workflow_uuid = any($2))`

const valuesOf = ({ version, only }: LeftRuns) => [version, only === undefined ? null : [...only]]

/** Executors with runs under way. */
export async function executorsOf(client: Client, left: LeftRuns): Promise<readonly string[]> {
  const { rows } = await client.query<{ executor_id: string }>(
    `select distinct executor_id from ${schemaName}.workflow_status where ${openRuns}`,
    valuesOf(left),
  )
  return rows.map((row) => row.executor_id)
}

/** Makes theirs ours; resolves with the ids. The engine is then told to go on with them. */
export async function takeRuns(
  client: Client,
  left: LeftRuns,
  executors: readonly string[],
  to: { readonly executorId: string; readonly version: string },
): Promise<readonly string[]> {
  const { rows } = await client.query<{ workflow_uuid: string }>(
    `update ${schemaName}.workflow_status set executor_id = $4, application_version = $5
      where ${openRuns} and executor_id = any($3) returning workflow_uuid`,
    [...valuesOf(left), [...executors], to.executorId, to.version],
  )
  return rows.map((row) => row.workflow_uuid)
}

/** The executor of each of these runs that is not over; none of one that the engine does not know. */
export async function ownersOf(
  client: Client,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  // Commands that only look do not make the engine's tables.
  const made = await client.query(`select to_regclass('${schemaName}.workflow_status') as made`)
  if ((made.rows[0] as { made: unknown }).made === null) return new Map()
  const { rows } = await client.query<{ workflow_uuid: string; executor_id: string }>(
    `select workflow_uuid, executor_id from ${schemaName}.workflow_status
      where workflow_uuid = any($1) and status in ('PENDING', 'ENQUEUED')`,
    [[...ids]],
  )
  return new Map(rows.map((row) => [row.workflow_uuid, row.executor_id]))
}
