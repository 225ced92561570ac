import type { ApiClient } from '../api/client.ts'
import type { GroupStatus, OperationType, StartOperation } from '../api/contract.ts'
import { isCode } from '../model/errors.ts'
import { endingAfter } from '../workspace/deadline.ts'
import { confirmOrRefuse } from './confirm.ts'
import { onlyGroup } from './connect.ts'
import { expectedText } from './expected-text.ts'
import { endingOf } from './follow-operation.ts'
import { type GroupOptions, withController } from './group-command.ts'
import { createOutput } from './output.ts'
import { reportLines, saveReport } from './saved-report.ts'
import { followWithSteps } from './step-view.ts'

export interface ProcedureOptions extends GroupOptions {
  readonly yes?: boolean
  readonly dryRun?: boolean
}

export interface Stakes {
  /** For people. */
  readonly lines: readonly string[]
  /** For programs, as part of what a dry run answers. */
  readonly atStake?: object
}

export interface Procedure {
  readonly type: Exclude<OperationType, 'sync' | 'verify'>
  readonly request?: Partial<StartOperation>
  /** What is at stake now. */
  readonly stakes: (
    group: GroupStatus,
    client: ApiClient,
    interrupted: AbortSignal,
  ) => Stakes | Promise<Stakes>
  readonly question: (group: GroupStatus) => string
}

/** Says what is at stake, asks, starts, shows each step, keeps the report. */
export async function runProcedure(procedure: Procedure, options: ProcedureOptions): Promise<void> {
  const output = createOutput(options)
  await withController(options, async (connection, interrupted) => {
    const { client, stateDir } = connection
    const group = onlyGroup(await client.status({ signal: interrupted }))
    const dryRun = options.dryRun ?? false
    // What was shown is what was agreed to.
    const request = { ...procedure.request, expectedEpoch: group.epoch }
    const isAsking = !dryRun && options.yes !== true
    const [{ lines, atStake }] = await Promise.all([
      procedure.stakes(group, client, interrupted),
      isAsking && refuseBeforeAsking(client, group.group, procedure.type, request, interrupted),
    ])
    const say = () => {
      for (const line of lines) output.note(line)
    }
    if (isAsking) {
      say()
      await confirmOrRefuse(procedure.question(group), { output, interrupted, yes: false })
    }
    interrupted.throwIfAborted()
    const started = await client.start(group.group, procedure.type, { ...request, dryRun })
    // What is refused needs no introduction.
    if (!isAsking) say()
    if (dryRun) {
      output.result({ operation: started, report: null, ...(atStake && { atStake }) }, () =>
        [
          `${procedure.type} would do:`,
          ...started.steps.map(({ title, detail }) => `  ${title}${detail ? `: ${detail}` : ''}`),
          ...(started.expected === undefined ? [] : [`Takes ${expectedText(started.expected)}.`]),
          'Nothing was changed.',
        ].join('\n'),
      )
      return
    }
    const following = { connection, output, interrupted }
    const operation = await followWithSteps(started, following)
    const { exitCode, sentence } = endingOf(operation, following)
    const over = operation.outcome === 'complete' || operation.outcome === 'partial'
    const report = over ? await savedBeforeItEnds() : undefined
    output.result({ operation, report: report ?? null }, () =>
      [sentence, ...(report === undefined ? [] : reportLines(report))].join('\n'),
    )
    if (output.forPrograms && exitCode !== 0) output.note(sentence)
    process.exitCode = exitCode

    /** The command that performed it, which this one joined, may have ended with it. */
    async function savedBeforeItEnds() {
      try {
        return await saveReport(client, operation.id, stateDir)
      } catch (error) {
        if (connection.inProcess || !isCode(error, 'controller.unreachable')) throw error
        output.note(`Its report: holdfast report save ${operation.id}`)
        return undefined
      }
    }
  })
}

/** Nobody waits longer for it when a region is down; the start itself refuses as well. */
const refusalWithinMs = 3000

/** What cannot be begun is said instead of a question. */
async function refuseBeforeAsking(
  client: Pick<ApiClient, 'start'>,
  group: string,
  type: OperationType,
  request: Partial<StartOperation>,
  interrupted: AbortSignal,
): Promise<void> {
  const signal = endingAfter(refusalWithinMs, interrupted)
  try {
    await client.start(group, type, { ...request, dryRun: true }, { signal })
  } catch (error) {
    if (interrupted.aborted || !signal.aborted) throw error
  }
}

/** The member that would lead next. */
export function otherMember({ members, effectivePrimary }: GroupStatus): string {
  return members.find(({ name }) => name !== effectivePrimary)?.name ?? 'nobody'
}
