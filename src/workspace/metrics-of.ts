import type { Page, PageOptions, Run, Workspace } from './workspace.ts'

/** `readMetricsOf` for a service that reads the metrics of one run at a time: one run after the other. */
export async function metricsOf(
  readMetrics: Workspace['readMetrics'],
  runs: readonly Run[],
  options: PageOptions = {},
): ReturnType<Workspace['readMetricsOf']> {
  const { cursor, ...rest } = options
  const at: Position = cursor === undefined ? { run: 0 } : (JSON.parse(cursor) as Position)
  const run = runs[at.run]
  if (run === undefined) return { items: [] }
  const page = await readMetrics(run.runId, {
    ...rest,
    ...(at.inner === undefined ? {} : { cursor: at.inner }),
  })
  return {
    items: [{ runId: run.runId, values: page.items }],
    ...next(at, page, runs.length),
  }
}

/** Which of the runs is being read, and where in it. */
interface Position {
  readonly run: number
  readonly inner?: string
}

function next(at: Position, page: Page<unknown>, runs: number): { cursor?: string } {
  if (page.cursor !== undefined) return { cursor: JSON.stringify({ ...at, inner: page.cursor }) }
  return at.run + 1 < runs ? { cursor: JSON.stringify({ run: at.run + 1 }) } : {}
}
