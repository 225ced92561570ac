import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { allItems } from '../../api/all-items.ts'
import { operation } from '../../api/contract.ts'
import type { HistoryEntry } from '../../api/evidence-contract.ts'
import { onlyGroup } from '../connect.ts'
import { type GroupOptions, groupCommand, withController } from '../group-command.ts'
import { createOutput } from '../output.ts'
import { sinceOption } from '../since-option.ts'
import { durationText, tableText } from '../text.ts'

interface HistoryOptions extends GroupOptions {
  readonly type?: HistoryEntry['type']
  readonly since?: string
}

/** An operation with the files of its report, where they were saved. */
type ShownEntry = HistoryEntry & { readonly file: string | null }

export function historyCommand(): Command {
  return groupCommand(
    'history',
    'operations and drills: who, outcome, what was measured',
    ['holdfast history --type drill --since 365d', 'holdfast history --json | jq .items[0]'],
    { rows: true },
  )
    .addOption(
      new Option('--type <type>', 'only of this type').choices(operation.shape.type.options),
    )
    .option('--since <when>', 'a duration (90d) or a time', sinceOption)
    .action(run)
}

async function run(options: HistoryOptions): Promise<void> {
  const output = createOutput(options)
  const { type, since } = options
  const items = await withController(options, async ({ client, stateDir }, signal) => {
    const { group } = onlyGroup(await client.status({ signal }))
    const query = {
      ...(type === undefined ? {} : { type }),
      ...(since === undefined ? {} : { since }),
    }
    const found = await allItems((place) =>
      client.history(group, { ...query, ...place, limit: 200 }, { signal }),
    )
    return found.map((entry) => ({ ...entry, file: savedFile(stateDir, entry) }))
  })
  output.result(
    { items },
    () => (items.length === 0 ? 'No such operation.' : historyText(items)),
    () => items,
  )
}

function savedFile(stateDir: string, { id, report }: HistoryEntry): string | null {
  const file = join(stateDir, 'reports', `${encodeURIComponent(id)}.json`)
  return report !== null && existsSync(file) ? file : null
}

function historyText(items: readonly ShownEntry[]): string {
  return tableText(
    ['STARTED', 'OPERATION', 'EPOCH', 'BY', 'OUTCOME', 'RTA / RTO', 'RPA / RPO', 'REPORT'],
    items.map((entry) => [
      ...[entry.startedAt, entry.id, epochText(entry), entry.by ?? '-'],
      entry.outcome ?? entry.status,
      ...[against(entry.rtaMs, entry.rtoMs, entry.atLeast), against(entry.rpaMs, entry.rpoMs)],
      reportText(entry),
    ]),
    { drop: ['EPOCH', 'REPORT'] },
  )
}

/** A move was asked for in one epoch and began the next. */
function epochText({ epoch, began }: ShownEntry): string {
  return began === null ? String(epoch) : `${epoch} -> ${began}`
}

function against(measuredMs: number | null, objectiveMs: number | null, isLeast = false): string {
  if (objectiveMs === null) return '-'
  const measured = measuredMs === null ? 'unknown' : durationText(measuredMs)
  return `${isLeast && measuredMs !== null ? '≥ ' : ''}${measured} / ${durationText(objectiveMs)}`
}

function reportText({ id, report, file }: ShownEntry): string {
  if (report === null) return '-'
  return file ?? `holdfast report save ${id}`
}
