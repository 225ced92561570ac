import { HoldfastError } from '../model/errors.ts'
import type { Json, JsonObject } from '../model/json.ts'
import { inOperation, inSpan, traceparent } from '../telemetry/tracing.ts'
import { type DurableEngine, type Procedure, toRunError, unsettle } from './durable-engine.ts'
import type { Journal, Run, RunFilter, RunHeader } from './journal.ts'
import { endOfTry, type PerformTools, performRunbook, tryOf, type UndatedEvent } from './perform.ts'
import { canBeginAgain, isEnded, type StepOutline } from './run-state.ts'
import { type Need, type Runbook, refuseNeedsOfFailedMember, type Step } from './runbook.ts'
import type { Person } from './wait.ts'

/** A runbook together with how to open the world it works on. */
export interface RunbookBinding {
  readonly name: string
  /** The steps of a run: fixed by what it was accepted with, whatever the plan says later. */
  readonly runbookOf: (input: Json) => Runbook<never>
  /** Ids of the runs that this process performs now; other controllers have their own. */
  readonly underWay: ReadonlySet<string>
  /** Runs the runbook once; made by `bindRunbook`. */
  readonly perform: Procedure['body']
  readonly preview: (header: RunHeader, signal: AbortSignal) => Promise<readonly PreviewStep[]>
}

export interface PreviewStep {
  readonly id: string
  readonly title: string
  readonly done: boolean
  readonly detail: string
  /** People act. */
  readonly waits?: boolean
}

export interface OpenWorld<World> {
  readonly world: World
  close(): Promise<void>
}

/**
 * `open` gets everything the run was accepted with, also after a restart of the controller; so does
 * `extend`, which adds the steps of the run's own. It must give the same ones for the same input.
 */
export function bindRunbook<World>(
  book: Runbook<World>,
  open: (header: RunHeader, signal: AbortSignal) => Promise<OpenWorld<World>>,
  tools: PerformTools,
  extend: (book: Runbook<World>, input: Json) => Runbook<World> = (same) => same,
): RunbookBinding {
  const openOrFail = async (header: RunHeader, signal: AbortSignal): Promise<OpenWorld<World>> => {
    try {
      return await open(header, signal)
    } catch (error) {
      if (signal.aborted) throw error
      const at = tools.now().toISOString()
      await tools.journal.append(header.id, { type: 'failed', error: toRunError(error), at })
      throw error
    }
  }
  const underWay = new Set<string>()
  return {
    name: book.name,
    runbookOf: (input) => extend(book, input),
    underWay,
    perform: async (context, input) => {
      const runId = String((input as JsonObject).run)
      const { header, state } = await readRun(tools.journal, runId)
      const end = endOfTry(runId, state, context.id)
      if (end !== undefined) return unsettle(end)
      return inSpanOf(header, async () => {
        const opened = await openOrFail(header, context.signal)
        underWay.add(runId)
        try {
          const whole = extend(book, header.input)
          return await performRunbook(whole, runId, opened.world, context, tools)
        } finally {
          underWay.delete(runId)
          await opened.close()
        }
      })
    },
    preview: async (header, signal) => {
      const opened = await open(header, signal)
      try {
        const steps: PreviewStep[] = []
        for (const { id, title, isDone, wait } of extend(book, header.input).steps) {
          const look = await isDone(opened.world, {
            signal,
            now: tools.now,
            progress: () => undefined,
          }).catch((error: unknown) => {
            // A step may look at what an earlier one is still to bring, such as the new epoch.
            if (signal.aborted || steps.every(({ done }) => done)) throw error
            return { done: false, detail: 'Seen once the steps before it are done.' }
          })
          steps.push({ id, title, ...look, ...(wait && { waits: true }) })
        }
        return steps
      } finally {
        await opened.close()
      }
    },
  }
}

export function runbookProcedures(bindings: readonly RunbookBinding[]): Procedure[] {
  return bindings.map((binding) => ({
    name: procedureName(binding.name),
    body: binding.perform,
  }))
}

export interface StartRun {
  readonly id: string
  readonly runbook: string
  readonly group: string
  readonly input: Json
  /** Who asks. */
  readonly askedBy?: Person
  /** The member that does not answer; steps that need it are refused before anything happens. */
  readonly failed?: Need['member']
}

export interface Runner {
  /**
   * Accepts a run and starts it. The same id is the same run: while it works nothing is started,
   * and when it ended without completing (failed, unknown, cancelled) it begins again.
   */
  start(run: StartRun): Promise<Run>
  /**
   * Starts what was accepted and never begun, because the controller that accepted it died in between:
   * it would be under way for ever and stand in the way of everything else (I8).
   */
  takeUp(group: string): Promise<void>
  /** What each step would find now; changes nothing. */
  preview(run: StartRun, signal: AbortSignal): Promise<readonly PreviewStep[]>
  read(id: string): Promise<Run | undefined>
  list(filter?: RunFilter): Promise<readonly Run[]>
  /** No step begins any more; the one under way ends. */
  cancel(id: string, by: string): Promise<Run>
  /** Writes down what people answer or demand; whether it counts, the state that comes back says. */
  note(id: string, event: Demanded): Promise<Run>
  /** Before `start` and `goOn`, outside of any transaction. */
  ready(): Promise<void>
  /** Performs it here from now on, unless it is over or somebody alive does. */
  goOn(id: string): Promise<void>
  /** Whether this process performs it now; another controller may. */
  isUnderWay(id: string): boolean
  /** Waits until the run ends in any way. */
  ended(id: string): Promise<Run>
  /** Notes in the journal that the runs under way here are paused, then stops the engine. */
  stop(): Promise<void>
}

type Demanded = Extract<
  UndatedEvent,
  { readonly type: 'approved' | 'rejected' | 'skip-requested' | 'abort-requested' }
>

export function createRunner(options: {
  readonly engine: DurableEngine
  readonly journal: Journal
  readonly now: () => Date
  readonly bindings: readonly RunbookBinding[]
}): Runner {
  const { engine, journal, now } = options
  const bindingOf = (name: string): RunbookBinding => {
    const binding = options.bindings.find((each) => each.name === name)
    if (binding !== undefined) return binding
    throw new HoldfastError('runbook.unknown', `There is no runbook '${name}'.`)
  }
  const headerOf = (run: StartRun): RunHeader => ({
    id: run.id,
    runbook: run.runbook,
    group: run.group,
    input: run.input,
    steps: bindingOf(run.runbook).runbookOf(run.input).steps.map(outlineOf),
    acceptedAt: now().toISOString(),
    ...(run.askedBy === undefined ? {} : { askedBy: run.askedBy }),
    ...traceOfCaller(),
  })
  const check = (run: StartRun): void => {
    const book = bindingOf(run.runbook).runbookOf(run.input)
    if (run.failed !== undefined) refuseNeedsOfFailedMember(book, run.failed)
  }
  const note = async (id: string, event: UndatedEvent): Promise<Run> => {
    await readRun(journal, id)
    await journal.append(id, { ...event, at: now().toISOString() })
    return readRun(journal, id)
  }

  /** Two callers that begin the same run come to the same engine id, so to one try. */
  const begin = ({ header, state }: Run): Promise<void> =>
    engine.run(procedureName(header.runbook), tryOf(header.id, state), { run: header.id })

  return {
    start: async (run) => {
      check(run)
      await journal.create(headerOf(run))
      const accepted = await readRun(journal, run.id)
      if (isEnded(accepted.state)) {
        if (!canBeginAgain(accepted.state)) return accepted
        // Before the engine gets to it: whoever asked must not read how the try before ended (I8).
        await journal.append(run.id, { type: 'begun', at: now().toISOString() })
      }
      await begin(accepted)
      return readRun(journal, run.id)
    },
    takeUp: async (group) => {
      for (const run of await journal.list({ group })) {
        if (isEnded(run.state)) continue
        const known = await engine.status(tryOf(run.header.id, run.state))
        if (known === 'absent') await begin(run)
      }
    },
    preview: async (run, signal) => {
      check(run)
      return bindingOf(run.runbook).preview(headerOf(run), signal)
    },
    read: (id) => journal.read(id),
    list: (filter) => journal.list(filter),
    cancel: (id, by) => note(id, { type: 'cancel-requested', by }),
    note,
    ready: () => engine.ready(),
    goOn: async (id) => {
      const run = await readRun(journal, id)
      if (!isEnded(run.state)) await begin(run)
    },
    isUnderWay: (id) => options.bindings.some(({ underWay }) => underWay.has(id)),
    ended: async (id) => {
      const { state } = await readRun(journal, id)
      if (!isEnded(state)) {
        // What a procedure throws is in the journal, which the caller reads.
        await engine.result(tryOf(id, state)).catch(() => undefined)
      }
      return readRun(journal, id)
    },
    stop: async () => {
      const at = now().toISOString()
      const reason = 'The process that performed it shut down.'
      for (const id of options.bindings.flatMap((each) => [...each.underWay])) {
        await journal.append(id, { type: 'paused', reason, at })
      }
      await engine.stop()
    },
  }
}

async function readRun(journal: Journal, id: string): Promise<Run> {
  const run = await journal.read(id)
  if (run !== undefined) return run
  throw new HoldfastError('runbook.no-such-run', `There is no operation '${id}'.`)
}

function outlineOf({ id, title, noReturn, skippable, wait }: Step<never>): StepOutline {
  return {
    ...{ id, title },
    ...(noReturn && { noReturn }),
    ...(skippable && { skippable }),
    ...(wait && { waits: true }),
  }
}

/** After a restart, too, it belongs to the trace of the call that asked for it. */
function inSpanOf<T>({ id, runbook, group, trace }: RunHeader, work: () => Promise<T>): Promise<T> {
  const attributes = { 'holdfast.operation': id, 'holdfast.group': group }
  return inOperation(id, () =>
    inSpan(`operation ${runbook}`, { parent: trace, attributes }, () => work()),
  )
}

function traceOfCaller(): Pick<RunHeader, 'trace'> {
  const trace = traceparent()
  return trace === undefined ? {} : { trace }
}

/** Recorded by the engine with every run, so never changed. */
function procedureName(runbook: string): string {
  return `runbook-${runbook}`
}
