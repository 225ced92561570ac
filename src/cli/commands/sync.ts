import type { Command } from 'commander'
import type { LedgerRow, Operation } from '../../api/contract.ts'
import { onlyGroup } from '../connect.ts'
import { endingOf, followOperation } from '../follow-operation.ts'
import { type GroupOptions, groupCommand, withController } from '../group-command.ts'
import { unprovenObjects } from '../ledger-pages.ts'
import { createOutput } from '../output.ts'
import { type Progress, stderrProgress, stepText } from '../show-steps.ts'
import { bytesText, countText, tableText } from '../text.ts'
import { showPlan } from './plan.ts'

interface SyncOptions extends GroupOptions {
  readonly dryRun?: boolean
}

export function syncCommand(): Command {
  return groupCommand('sync', 'replicate now, and prove what arrived', [
    'holdfast sync',
    'holdfast sync --dry-run',
    'holdfast sync --json || test $? -eq 3   # 3: not everything is proven',
  ])
    .option('--dry-run', 'print what would be done, change nothing; the same as `holdfast plan`')
    .action(run)
}

const mostListed = 20

async function run(options: SyncOptions): Promise<void> {
  if (options.dryRun) return showPlan(options)
  const output = createOutput(options)
  const progress = stderrProgress(output.interactive)
  await withController(options, async (connection, interrupted) => {
    const { client } = connection
    const { group } = onlyGroup(await client.status({ signal: interrupted }))
    const started = await client.start(group, 'sync')
    const following = { connection, output, interrupted, onChange: passWriter(progress) }
    const operation = await followOperation(started, following)
    progress.clear()
    const { exitCode, sentence } = endingOf(operation, following)
    const unproven =
      operation.outcome === 'partial' ? await unprovenOf() : { count: 0, objects: [] }
    output.result({ operation, unproven }, () => [sentence, ...unprovenLines(unproven)].join('\n'))
    if (output.json && exitCode !== 0) output.note(sentence)
    process.exitCode = exitCode

    async function unprovenOf(): Promise<Unproven> {
      const { counts } = onlyGroup(await client.status())
      const count = counts.reduce(
        (sum, each) => sum + each.failed + each.conflict + each.pending,
        0,
      )
      return { count, objects: await unprovenObjects(client, group, mostListed) }
    }
  })
}

interface Unproven {
  readonly count: number
  /** The first ones. */
  readonly objects: readonly LedgerRow[]
}

function unprovenLines({ count, objects }: Unproven): string[] {
  if (objects.length === 0) return []
  const rows = objects.map(({ kind, object, state, error }) => [
    ...[kind, object, error?.code ?? state, error?.message ?? ''],
  ])
  const lines = [
    `Not proven on the other side: ${countText(Math.max(count, objects.length), 'object')}`,
    tableText(['KIND', 'OBJECT', 'CODE', 'WHY'], rows),
  ]
  if (count > objects.length) lines.push(`and ${count - objects.length} more: holdfast objects`)
  return lines
}

const plainEveryMs = 5000

/** One redrawn line where a terminal can, else a line per step and every five seconds. */
function passWriter(progress: Progress): (operation: Operation) => void {
  const startedAt = Date.now()
  const ended = new Set<string>()
  // By our own clock: the controller's may be another one.
  const began = new Map<string, number>()
  let lastLineAt = startedAt
  return (operation) => {
    for (const step of operation.steps) {
      if (!/^(done|skipped|failed)$/.test(step.status) || ended.has(step.id)) continue
      ended.add(step.id)
      progress.line(stepText(step))
    }
    const step = operation.steps.find(({ status }) => status === 'running')
    if (step === undefined) return progress.clear()
    const bytes = step.progress?.bytes ?? 0
    if (!began.has(step.id)) began.set(step.id, Date.now())
    const seconds = (Date.now() - (began.get(step.id) ?? startedAt)) / 1000
    const rate = bytes > 0 && seconds >= 1 ? `, ${bytesText(Math.round(bytes / seconds))}/s` : ''
    const text = `${stepText(step)}${rate}`
    progress.redraw(text)
    if (Date.now() - lastLineAt >= plainEveryMs) {
      lastLineAt = Date.now()
      progress.plain(text)
    }
  }
}
