import { type Command, Option } from 'commander'
import type { LedgerRow, StartOperation } from '../../api/contract.ts'
import { onlyGroup } from '../connect.ts'
import { endingOf, followOperation } from '../follow-operation.ts'
import { type GroupOptions, groupCommand, withController } from '../group-command.ts'
import { unprovenObjects } from '../ledger-pages.ts'
import { createOutput } from '../output.ts'
import { readSavedPlan, refuseChanged } from '../saved-plan.ts'
import { passWriter, stderrProgress } from '../show-steps.ts'
import { countText, tableText } from '../text.ts'
import { showPlan } from './plan.ts'

interface SyncOptions extends GroupOptions {
  readonly dryRun?: boolean
  readonly full?: boolean
  readonly apply?: string
}

export function syncCommand(): Command {
  return groupCommand('sync', 'replicate now, and prove what arrived', [
    'holdfast sync',
    'holdfast sync --dry-run',
    'holdfast plan --out reviewed.json && holdfast sync --apply reviewed.json',
    'holdfast sync --json || test $? -eq 3   # 3: not everything is proven',
  ])
    .option('--full', 'compare everything: old runs and what was deleted, too')
    .addOption(
      new Option(
        '--apply <file>',
        'do what `holdfast plan --out` wrote, and only if the world still matches it',
      ).conflicts(['full', 'dryRun']),
    )
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
    const request = await requestOf(group)
    const started = await client.start(group, 'sync', request)
    const following = { connection, output, interrupted, onChange: passWriter(progress) }
    const operation = await followOperation(started, {
      ...following,
      output: { ...output, note: progress.line },
    })
    progress.clear()
    const { exitCode, sentence } = endingOf(operation, following)
    const unproven =
      operation.outcome === 'partial' ? await unprovenOf() : { count: 0, objects: [] }
    const notProtected = await notProtectedOf()
    output.result({ operation, unproven, notProtected }, () =>
      [sentence, ...unprovenLines(unproven), ...notProtected].join('\n'),
    )
    if (output.forPrograms && exitCode !== 0) output.note(sentence)
    process.exitCode = exitCode

    async function requestOf(name: string): Promise<Partial<StartOperation>> {
      if (options.apply === undefined) return { full: options.full ?? false }
      const saved = readSavedPlan(options.apply)
      const { full, epoch, digest } = saved
      refuseChanged(saved, await client.plan(name, { full, signal: interrupted }))
      return { full, expectedEpoch: epoch, planDigest: digest }
    }

    /** Out of scope, so complete does not speak of it (I8). */
    async function notProtectedOf(): Promise<string[]> {
      const { findings } = onlyGroup(await client.status())
      return findings.flatMap((one) => (one.rule === 'not-protected' ? [one.sentence] : []))
    }

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
    tableText(['KIND', 'OBJECT', 'CODE', 'WHY'], rows, { drop: ['KIND'] }),
  ]
  if (count > objects.length) lines.push(`and ${count - objects.length} more: holdfast objects`)
  return lines
}
