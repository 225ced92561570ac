import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import type { Operation } from '../../api/contract.ts'
import type { ControlAction, ControlRequest } from '../../api/control-contract.ts'
import { confirmOrRefuse } from '../confirm.ts'
import type { Connection } from '../connect.ts'
import { endingOf } from '../follow-operation.ts'
import { type GroupOptions, groupCommand, withController } from '../group-command.ts'
import { createOutput, type Output } from '../output.ts'
import { stepText } from '../show-steps.ts'
import { followWithSteps } from '../step-view.ts'
import { waitingText } from '../waiting-text.ts'

interface ControlOptions extends GroupOptions {
  readonly yes?: boolean
  readonly dryRun?: boolean
  readonly step?: string
  readonly reason?: string
}

interface Control {
  readonly action: ControlAction
  readonly question: (operation: Operation, request: ControlRequest) => string
  /** The id has to be typed: a reflex does not do it. */
  readonly isGrave?: boolean
  /** The command stays until the operation ends. */
  readonly follows?: boolean
}

export function approveCommand(): Command {
  return answering('approve', 'agree to what an operation waits for', [
    'holdfast approve failover-fraud-models-e2',
    'holdfast approve failover-fraud-models-e2 --step four-eyes --reason "seen with the desk"',
  ])
}

export function rejectCommand(): Command {
  return answering('reject', 'say no to what an operation waits for', [
    'holdfast reject failover-fraud-models-e2 --reason "the region is back"',
  ])
}

function answering(
  action: 'approve' | 'reject',
  summary: string,
  examples: readonly string[],
): Command {
  return controlCommand(action, summary, examples)
    .option('--step <id>', 'the step that waits, where several do')
    .option('--reason <text>', 'why; written into the record')
    .action((id: string, options: ControlOptions) =>
      run(id, options, {
        action,
        question: ({ waiting, id: operation }) =>
          `${action === 'approve' ? 'Approve' : 'Reject'} ${operation}${waiting ? `: ${waiting.reason}` : ''}?`,
      }),
    )
}

export function retryCommand(): Command {
  return controlCommand('retry', 'go on with an operation that failed', [
    'holdfast retry failover-fraud-models-e2',
    'holdfast retry failover-fraud-models-e2 --yes --json',
  ]).action((id: string, options: ControlOptions) =>
    run(id, options, {
      action: 'retry',
      question: (operation) => `Go on with ${operation.id}? What is done is found and left.`,
      follows: true,
    }),
  )
}

export function skipCommand(): Command {
  return controlCommand('skip', 'leave out a step that may be left out', [
    'holdfast skip failover-fraud-models-e2 enable-schedules --reason "done by hand"',
  ])
    .argument('<step>', 'id of the step, as `holdfast status --json` names it')
    .requiredOption('--reason <text>', 'why; written into the record and the report')
    .action((id: string, step: string, options: ControlOptions) =>
      run(
        id,
        { ...options, step },
        {
          action: 'skip',
          question: () => `Leave ${step} out? The outcome is partial then.`,
          isGrave: true,
        },
      ),
    )
}

export function abortCommand(): Command {
  return controlCommand('abort', 'undo what a move has done, before its point of no return', [
    'holdfast abort switchover-fraud-models-e2 --reason "wrong weekend"',
    'holdfast abort switchover-fraud-models-e2 --reason "wrong weekend" --dry-run',
  ])
    .requiredOption('--reason <text>', 'why; written into the record')
    .action((id: string, options: ControlOptions) =>
      run(id, options, {
        action: 'abort',
        question: (operation) => `Undo what ${operation.id} has done, last step first?`,
        isGrave: true,
        follows: true,
      }),
    )
}

function controlCommand(
  name: ControlAction,
  summary: string,
  examples: readonly string[],
): Command {
  return groupCommand(name, summary, examples)
    .argument('<operation>', 'its id, as `holdfast status` shows it')
    .option('--yes', 'do not ask')
    .option('--dry-run', 'say whether it can be done, change nothing')
}

async function run(id: string, options: ControlOptions, control: Control): Promise<void> {
  const output = createOutput(options)
  await withController(options, async (connection, interrupted) => {
    const { client } = connection
    const { action } = control
    const { step, reason, yes, dryRun = false } = options
    const request = { ...(step && { step }), ...(reason && { reason }) }
    // Refused before anybody is asked.
    const now = await client.control(id, action, { ...request, dryRun: true })
    for (const line of standing(now)) output.note(line)
    if (dryRun) {
      return output.result({ operation: now }, () => `${action} of ${id} can be done.`)
    }
    const question = control.question(now, request)
    const word = control.isGrave ? { word: id } : {}
    await confirmOrRefuse(question, { output, interrupted, yes, ...word })
    interrupted.throwIfAborted()
    const noted = await client.control(id, action, request)
    const operation = endsWait(noted, action, step)
      ? await pastWait(connection, noted, interrupted)
      : noted
    const isFollowed = control.follows === true || connection.inProcess
    if (isFollowed && operation.status !== 'waiting') {
      return follow(operation, connection, output, interrupted)
    }
    output.result({ operation }, () => `Noted. ${sentenceOf(operation)}`)
  })
}

/** How it stands, for people. */
function standing(operation: Operation): string[] {
  const { type, id, status, outcome, by } = operation
  const state = outcome ?? status
  return [
    `${type} ${id}: ${state}${by === null ? '' : `, asked for by ${by}`}`,
    ...operation.steps
      .filter(({ status: each }) => each !== 'pending')
      .map((s) => `  ${stepText(s)}`),
    ...(operation.waiting ? [`  ${waitingText(operation)}`] : []),
  ]
}

/** Whether what was said is the end of the wait that the operation is in. */
function endsWait({ waiting }: Operation, action: ControlAction, step?: string): boolean {
  if (!waiting) return false
  if (action === 'approve') return waiting.approvals.length >= waiting.people
  return action === 'skip' ? step === waiting.step : true
}

/** The operation takes a moment to see it. */
async function pastWait(
  { client }: Connection,
  noted: Operation,
  interrupted: AbortSignal,
): Promise<Operation> {
  let latest = noted
  while (latest.waiting?.step === noted.waiting?.step && !interrupted.aborted) {
    await delay(200)
    latest = await client.operation(noted.id)
  }
  return latest
}

function sentenceOf(operation: Operation): string {
  return operation.status === 'waiting'
    ? waitingText(operation)
    : `${operation.id} is ${operation.outcome ?? operation.status}.`
}

async function follow(
  operation: Operation,
  connection: Connection,
  output: Output,
  interrupted: AbortSignal,
): Promise<void> {
  const following = { connection, output, interrupted }
  const ended = await followWithSteps(operation, following)
  const { exitCode, sentence } = endingOf(ended, following)
  output.result({ operation: ended }, () => sentence)
  if (output.forPrograms && exitCode !== 0) output.note(sentence)
  process.exitCode = exitCode
}
