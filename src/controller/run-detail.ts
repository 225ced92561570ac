import type {
  MetricComparison,
  RunComparison,
  RunSummary,
  RunsPage,
} from '../api/detail-contract.ts'
import { metricDigest } from '../model/canonical.ts'
import { HoldfastError } from '../model/errors.ts'
import { compareRuns } from '../replication/compare-sides.ts'
import { malformedCursor, readCursor } from '../workspace/pages.ts'
import type { MetricValue, Run, Workspace } from '../workspace/workspace.ts'
import type { PageAsked } from './list-pages.ts'
import { memberOf } from './members.ts'
import { courseNow, type ProtectedGroup } from './protected-group.ts'
import { moveBetween, readBoth, sideOf, verdictOf } from './read-sides.ts'

const listLimitMs = 15_000
/** On one page. */
export const mostRuns = 200

/** One page of the runs of a member; of the effective primary when none is named. */
export async function runsOf(
  group: ProtectedGroup,
  query: PageAsked & { readonly member?: string | undefined },
): Promise<RunsPage> {
  const member = query.member ?? (await courseNow(group)).primary
  if (!group.members.has(member))
    throw new HoldfastError('member.not-found', `The group has no member '${member}'.`, {
      kind: 'operator',
      hint: `It has ${[...group.members.keys()].join(' and ')}.`,
    })
  const { limit } = query
  const place = query.cursor === undefined ? { size: limit, skip: 0 } : placeIn(query.cursor)
  const { size, skip, at } = place
  const page = await memberOf(group.members, member).impatient.listRuns({
    signal: AbortSignal.timeout(listLimitMs),
    pageSize: size,
    ...(at === undefined ? {} : { cursor: at }),
  })
  const left = page.items.length - skip - limit
  const next = left > 0 ? { ...place, skip: skip + limit } : nextPage(page.cursor, limit)
  return {
    member,
    items: page.items.slice(skip, skip + limit).map(summaryOf),
    cursor: next === null ? null : JSON.stringify(next),
  }
}

/** Members may answer with more than was asked for; the rest is then read again. */
interface RunsPlace {
  /** Cursor and wished size of the member's own page. */
  readonly at?: string
  readonly size: number
  readonly skip: number
}

function nextPage(at: string | undefined, size: number): RunsPlace | null {
  return at === undefined ? null : { at, size, skip: 0 }
}

function placeIn(cursor: string): RunsPlace {
  const { at, size, skip } = readCursor<Partial<RunsPlace>>(cursor, [])
  const isWhole = (value: unknown): value is number => Number.isInteger(value) && Number(value) >= 0
  const isOurs = isWhole(size) && isWhole(skip) && size > 0 && size <= mostRuns
  if (!isOurs || !(at === undefined || typeof at === 'string')) throw malformedCursor()
  return { size, skip, ...(at === undefined ? {} : { at }) }
}

function summaryOf({ runId, experimentName, status, body, modifiedAt }: Run): RunSummary {
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : null)
  return {
    ...{ run: runId, experiment: experimentName, status, modifiedAt },
    name: text(body.displayName) ?? text(body.name),
    parent: text(body.parentRunId),
    startedAt: text(body.startTimeUtc),
  }
}

interface ReadRun {
  readonly run: Run
  readonly series: ReadonlyMap<string, Series>
}
type Series = NonNullable<MetricComparison['source']>

/** Reads a run and every value of its metrics at both sides now: the proof that they are equal. */
export async function compareRun(group: ProtectedGroup, runId: string): Promise<RunComparison> {
  const { course, source, target } = await readBoth<ReadRun>(
    group,
    async (workspace, signal, { primary }) => {
      const name = workspace.name === primary ? runId : await nameAt(group, runId, workspace)
      const run = await workspace.getRun(name, { signal })
      return run && { run, series: await readSeries(workspace, name, signal) }
    },
  )
  const fields =
    source.value === undefined || target.value === undefined
      ? []
      : compareRuns(
          { kind: 'run', path: [runId] },
          source.value.run,
          target.value.run,
          await moveBetween(group, course),
        )
  const metrics = metricsOf(source.value?.series, target.value?.series)
  const left = sideOf(source, ({ run }) => run.modifiedAt)
  const right = sideOf(target, ({ run }) => run.modifiedAt)
  const run = source.value?.run ?? target.value?.run
  return {
    run: runId,
    summary: run === undefined ? null : summaryOf(run),
    ...{ source: left, target: right, fields, metrics },
    verdict: verdictOf(left, right, () => fields.every(isWanted) && metrics.every(isEqual)),
    readAt: group.clock().toISOString(),
  }
}

const isWanted = ({ mark }: RunComparison['fields'][number]) => mark !== 'different'
const isEqual = ({ equal }: MetricComparison) => equal === true

/** Where run ids are kept, the id itself; elsewhere that of the copy. */
async function nameAt(group: ProtectedGroup, runId: string, workspace: Workspace): Promise<string> {
  if (workspace.capabilities.keepsRunIds) return runId
  const links = await group.records.runLinks.resolve(group.plan.group, runId)
  const ends = links.flatMap(({ origin, copy }) => [origin, copy])
  return ends.find(({ member }) => member === workspace.name)?.runId ?? runId
}

function metricsOf(
  source: ReadRun['series'] | undefined,
  target: ReadRun['series'] | undefined,
): MetricComparison[] {
  const names = [...new Set([...(source?.keys() ?? []), ...(target?.keys() ?? [])])].sort()
  return names.map((name) => {
    const [left, right] = [source?.get(name) ?? null, target?.get(name) ?? null]
    const isKnown = source !== undefined && target !== undefined
    return {
      ...{ name, source: left, target: right },
      equal: isKnown ? left !== null && left.digest === right?.digest : null,
    }
  })
}

/** What a chart of one screen can show; the digest is of every value. */
const mostPoints = 2000

async function readSeries(
  workspace: Workspace,
  runId: string,
  signal: AbortSignal,
): Promise<Map<string, Series>> {
  const found = new Map<string, SeriesReader>()
  for (let cursor: string | undefined; ; ) {
    const page = await workspace.readMetrics(runId, { signal, ...(cursor && { cursor }) })
    for (const value of page.items) {
      const reader = found.get(value.name) ?? new SeriesReader()
      found.set(value.name, reader)
      reader.add(value)
    }
    if (page.cursor === undefined) break
    cursor = page.cursor
  }
  return new Map([...found].map(([name, reader]) => [name, reader.result()]))
}

/** Keeps every value, then every second, then every fourth, so that a long series needs no memory. */
class SeriesReader {
  readonly #digest = metricDigest()
  #points: [number, number][] = []
  #oneIn = 1

  add(value: MetricValue): void {
    const place = this.#digest.count()
    this.#digest.add([value])
    const number = numberOf(value)
    if (number === undefined || place % this.#oneIn !== 0) return
    this.#points.push([value.step ?? place, number])
    if (this.#points.length <= mostPoints) return
    this.#points = this.#points.filter((_, index) => index % 2 === 0)
    this.#oneIn *= 2
  }

  result(): Series {
    return {
      values: this.#digest.count(),
      digest: this.#digest.digest(),
      points: this.#points,
      oneIn: this.#oneIn,
    }
  }
}

/** Tables and images have none. */
function numberOf({ data }: MetricValue): number | undefined {
  return Object.values(data).find((value): value is number => typeof value === 'number')
}
