import { type Command, Option } from 'commander'
import { allItems } from '../../api/all-items.ts'
import type { Conflict, ConflictResolution } from '../../api/conflict-contract.ts'
import { confirmOrRefuse } from '../confirm.ts'
import { onlyGroup } from '../connect.ts'
import { exitCodes } from '../exit-codes.ts'
import { type GroupOptions, groupCommand, withController } from '../group-command.ts'
import { createOutput } from '../output.ts'
import { countText, tableText } from '../text.ts'
import { keptCommand } from './kept.ts'

export function conflictsCommand(): Command {
  return groupCommand(
    'conflicts',
    'what both sides changed, and whose content stands',
    [
      'holdfast conflicts || test $? -eq 3   # 3: there are some',
      'holdfast conflicts resolve model/fraud/3 --keep source --dry-run',
      'holdfast conflicts resolve blob/workspaceblobstore/a.csv --keep target --yes',
      'holdfast conflicts kept model/fraud/3   # what a resolution put aside',
    ],
    { rows: true },
  )
    .enablePositionalOptions()
    .addCommand(resolveCommand())
    .addCommand(keptCommand())
    .action(list)
}

function resolveCommand(): Command {
  return groupCommand('resolve', 'decide whose content stands; the next sync does it', [
    'holdfast conflicts resolve model/fraud/3 --keep source --dry-run',
  ])
    .argument('<object>', 'as `holdfast conflicts` names it')
    .addOption(
      new Option('--keep <side>', 'whose content stands')
        .choices(['source', 'target'])
        .makeOptionMandatory(),
    )
    .option('--yes', 'do not ask')
    .option('--dry-run', 'say what would be done, change nothing')
    .action(resolve)
}

async function list(options: GroupOptions): Promise<void> {
  const output = createOutput(options)
  const items = await withController(options, async ({ client }, signal) => {
    const { group } = onlyGroup(await client.status({ signal }))
    return allItems((place) => client.conflicts(group, place, { signal }))
  })
  output.result(
    { items },
    () => {
      if (items.length === 0) return 'No conflict.'
      const next = 'Decide: holdfast conflicts resolve OBJECT --keep source|target'
      return [...items.map(conflictText), next].join('\n\n')
    },
    () => items,
  )
  process.exitCode = items.length === 0 ? exitCodes.ok : exitCodes.partial
}

interface ResolveOptions extends GroupOptions {
  readonly keep: 'source' | 'target'
  readonly yes?: boolean
  readonly dryRun?: boolean
}

async function resolve(object: string, options: ResolveOptions): Promise<void> {
  const output = createOutput(options)
  const { keep } = options
  const done = await withController(options, async ({ client }, signal) => {
    const { group } = onlyGroup(await client.status({ signal }))
    const looked = await client.resolveConflict(group, { object, keep, dryRun: true }, { signal })
    if (options.dryRun) return looked
    output.note(conflictText(looked.conflict))
    await confirmOrRefuse(output, `Keep the ${keep}'s content of ${object}?`, options.yes)
    return client.resolveConflict(group, { object, keep, dryRun: false }, { signal })
  })
  output.result(done, () => resolutionText(done))
}

function resolutionText({ conflict, dryRun, sentence }: ConflictResolution): string {
  if (dryRun) return `${conflictText(conflict)}\n\n${sentence}`
  return `${sentence}\nDo it now: holdfast sync`
}

function conflictText({ object, reason, source, target, changes }: Conflict): string {
  const side = ({ member, by, at }: Conflict['source']) =>
    `  ${member}: last changed ${at ?? 'at an unknown time'} by ${by ?? 'somebody'}`
  return [`${object}: ${reason}`, side(source), side(target), fieldsText(changes)].join('\n')
}

const mostFields = 20

function fieldsText(changes: Conflict['changes']): string {
  if (changes === null) return '  one side cannot be read any more'
  if (changes.length === 0)
    return '  the documents are equal; what they hold (values, bytes) differs'
  const shown = (value: unknown) =>
    value === undefined ? '-' : (JSON.stringify(value) ?? '-').slice(0, 60)
  const rows = changes
    .slice(0, mostFields)
    .map(({ path, from, to }) => [`  ${path}`, shown(to), shown(from)])
  const rest = changes.length - rows.length
  const table = tableText(['  FIELD', 'SOURCE', 'TARGET'], rows)
  return rest > 0 ? `${table}\n  and ${countText(rest, 'field')} more` : table
}
