import { drillExperiment } from '../model/drill.ts'
import { inPriority, last, priorityOf, priorityOfRun } from '../plan/priority-of.ts'
import type { Run } from '../workspace/workspace.ts'
import { passExperiments, readExperiments } from './experiments.ts'
import { passTracking, writeChanged } from './objects.ts'
import { at, batchesOf, pagesAhead, pagesOf, partsOf } from './paging.ts'
import { listFailure, type Pass, progressed, reading } from './pass-state.ts'
import { objectsPerBatch, type PassWork } from './pass-work.ts'
import { nameOf } from './perform-batch.ts'
import { provenAsItIs, rowOf } from './run-batch.ts'
import type { Watermark } from './watermark.ts'

/**
 * Experiments, runs and full metric series of one pass. In a cheap pass nearly all runs are as they
 * were, so their list is read beside the objects that go before them, up to the first that is not.
 */
export class RunHistoryPass {
  readonly #pass: Pass
  readonly #work: PassWork
  readonly #before: Watermark
  readonly #walk: RunWalk

  constructor(pass: Pass, before: Watermark, work: PassWork) {
    this.#pass = pass
    this.#work = work
    this.#before = before
    this.#walk = new RunWalk(pass, work, before)
  }

  /** Only reads. What it finds is as old as what goes before the runs takes, so not for a first pass. */
  lookAhead(): void {
    this.#walk.lookAhead()
  }

  /** Nothing is read any more when it resolves. */
  close(): Promise<void> {
    return this.#walk.close()
  }

  /** Copies what changed; resolves with where the next cheap pass starts. */
  async finish(): Promise<Watermark> {
    const [pass, work] = [this.#pass, this.#work]
    const finishExperiments = await passExperiments(pass)
    pass.phase = 'runs'
    progressed(pass)
    try {
      await this.#walk.all()
      await passLate(work)
    } catch (error) {
      await writeChanged(pass, [listFailure(pass, { kind: 'run', path: [] }, error)], new Map())
    }
    await passTracking(pass)
    await finishExperiments()
    return { since: this.#before.seen, seen: this.#walk.newest }
  }
}

interface Ahead {
  readonly batches: AsyncGenerator<Run[]>
  readonly first: Promise<IteratorResult<Run[]>>
}

/** Every run that may have changed, in the order in which they are to go. */
class RunWalk {
  readonly #pass: Pass
  readonly #work: PassWork
  readonly #since: string | undefined
  /** Went before the others. */
  #live: ReadonlySet<string> = new Set()
  #first: ReadonlySet<string> = new Set()
  #ahead: Ahead | undefined
  #isClosed = false
  /** The newest stamp that was met. */
  newest: string | undefined

  constructor(pass: Pass, work: PassWork, before: Watermark) {
    this.#pass = pass
    this.#work = work
    this.#since = pass.context.full === true || pass.mode !== 'replicate' ? undefined : before.since
    this.newest = before.seen
  }

  lookAhead(): void {
    const batches = this.#others()
    this.#ahead = { batches, first: batches.next() }
    // Whoever comes to it hears of its failure; nobody else has to.
    this.#ahead.first.catch(() => undefined)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#ahead?.first.catch(() => undefined)
  }

  async all(): Promise<void> {
    // Nothing at the target yet: no run can be in the way, so none has to be asked for.
    const isEmpty = this.#ahead === undefined && !(await hasRuns(this.#pass))
    this.#live = await passLive(this.#pass, this.#work)
    const first = await experimentsFirst(this.#pass)
    for (const experiment of first)
      await this.#add(
        isEmpty,
        this.#batches((run) => !this.#live.has(run.runId), experiment),
      )
    this.#first = first
    if (this.#ahead === undefined) await this.#add(isEmpty, this.#others())
    else await this.#addAhead(this.#ahead)
  }

  readonly #isOther = ({ runId, experimentName }: Run): boolean =>
    !(this.#live.has(runId) || this.#first.has(experimentName))

  #others(): AsyncGenerator<Run[]> {
    return this.#batches(this.#isOther)
  }

  async #add(isEmpty: boolean, batches: AsyncIterable<Run[]>): Promise<void> {
    for await (const batch of batches) await this.#work.addRuns(batch, isEmpty)
    await this.#work.settled()
  }

  /** What was listed before the objects is read again: it may have changed while they were copied. */
  async #addAhead({ first, batches }: Ahead): Promise<void> {
    const { value, done } = await first
    if (done !== true) await this.#work.addRunsByName(value.filter(this.#isOther).map(nameOf))
    await this.#add(false, batches)
  }

  #batches(wants: (run: Run) => boolean, experiment?: string): AsyncGenerator<Run[]> {
    const only = {
      ...(this.#since === undefined ? {} : { modifiedSince: this.#since }),
      ...(experiment === undefined ? {} : { experiment }),
    }
    const { source } = this.#pass.context
    const pages = pagesAhead<Run>(async (cursor) =>
      this.#isClosed
        ? { items: [] }
        : source.listRuns({ ...reading(this.#pass), ...at(cursor), ...only }),
    )
    const asked = askedFor(this.#pass, pages, (run) => {
      if (this.newest === undefined || run.modifiedAt > this.newest) this.newest = run.modifiedAt
      return isWanted(run) && wants(run)
    })
    return batchesOf(asked, objectsPerBatch)
  }
}

const isWanted = ({ experimentName }: Run): boolean => experimentName !== drillExperiment

/** In the order of the plan, which seldom names any. */
async function experimentsFirst(pass: Pass): Promise<ReadonlySet<string>> {
  const { plan, source } = pass.context
  if (!plan.priority?.some(({ kind }) => kind === 'experiment')) return new Set()
  const names = [...(await readExperiments(pass, source)).keys()]
  const rank = (name: string) => priorityOf(plan, { kind: 'experiment', path: [name] })
  return new Set(
    inPriority(names, rank)
      .flat()
      .filter((name) => rank(name) !== last),
  )
}

async function* askedFor(
  pass: Pass,
  pages: AsyncGenerator<readonly Run[]>,
  wanted: (run: Run) => boolean,
): AsyncGenerator<readonly Run[]> {
  const rank = (run: Run) => priorityOfRun(pass.context.plan, run)
  for await (const page of pages) {
    const asked = await notProven(pass, page.filter(wanted))
    yield inPriority(asked, rank).flat()
  }
}

async function notProven(pass: Pass, runs: readonly Run[]): Promise<Run[]> {
  const objects = runs.map((run) => rowOf(run.runId))
  const rows = await pass.context.ledger.read(pass.direction, objects)
  for (const object of objects) pass.seen?.add(object)
  const asked = runs.filter(
    (run, i) => provenAsItIs(pass, run, rows.get(objects[i] ?? '')) === undefined,
  )
  pass.tally.compared += runs.length
  progressed(pass)
  return asked
}

/** Runs of open jobs go before the others; gives their ids. */
async function passLive(pass: Pass, work: PassWork): Promise<ReadonlySet<string>> {
  const { source, urgent } = pass.context
  const ids = pass.mode === 'replicate' ? (urgent?.runIds ?? []) : []
  const done = new Set<string>()
  for (const names of partsOf(ids, objectsPerBatch)) {
    const runs = await source.getRuns(
      names.map((runId) => ({ runId, experimentName: '' })),
      reading(pass),
    )
    const wanted = runs.filter(isWanted)
    for (const { runId } of wanted) done.add(runId)
    await work.addRuns(await notProven(pass, wanted), false)
  }
  await work.settled()
  return done
}

/** Children whose parent came after them in the list: by now it is there. */
async function passLate(work: PassWork): Promise<void> {
  for (let late = work.takeLate(); late.length > 0; ) {
    await work.addRunsByName(late)
    await work.settled()
    const next = work.takeLate()
    if (next.length >= late.length) return
    late = next
  }
}

async function hasRuns(pass: Pass): Promise<boolean> {
  // An empty first page may be followed by others: an experiment without runs.
  for await (const page of pagesOf((cursor) =>
    pass.context.target.listRuns({ ...reading(pass), ...at(cursor), pageSize: 1 }),
  ))
    if (page.length > 0) return true
  return false
}
