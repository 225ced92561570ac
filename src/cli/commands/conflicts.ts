import type { Command } from 'commander'
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
      'holdfast conflicts resolve model/fraud/3 --keep east --dry-run',
      'holdfast conflicts resolve blob/workspaceblobstore/a.csv --keep west --yes',
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
    'holdfast conflicts resolve model/fraud/3 --keep east --dry-run',
    'holdfast conflicts resolve model/fraud/3 --keep both   # they stay different',
  ])
    .argument('<object>', 'as `holdfast conflicts` names it')
    .requiredOption(
      '--keep <side>',
      'whose content stands: a member, `source` or `target`; `both` leaves them different',
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
      return [...items.map(conflictText), ...nextText(items)].join('\n\n')
    },
    () => items,
  )
  process.exitCode = items.every(({ isApart }) => isApart) ? exitCodes.ok : exitCodes.partial
}

function nextText(items: readonly Conflict[]): string[] {
  const open = items.find(({ decision }) => decision === null)
  if (open === undefined) return []
  const sides = [open.source.member, open.target.member, 'both'].join('|')
  return [`Decide: holdfast conflicts resolve OBJECT --keep ${sides}`]
}

interface ResolveOptions extends GroupOptions {
  readonly keep: string
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
    output.note(looked.sentence)
    await confirmOrRefuse(questionOf(looked), { output, interrupted: signal, yes: options.yes })
    return client.resolveConflict(group, { object, keep, dryRun: false }, { signal })
  })
  output.result(done, () => resolutionText(done))
}

function questionOf({ conflict, keep }: ConflictResolution): string {
  const { object, source, target } = conflict
  if (keep === 'both') return `Leave ${object} different at ${source.member} and ${target.member}?`
  return `Keep the content that ${conflict[keep].member} has of ${object}?`
}

function resolutionText({ conflict, dryRun, sentence }: ConflictResolution): string {
  if (dryRun) return `${conflictText(conflict)}\n\n${sentence}`
  return `${sentence}\nDo it now: holdfast sync`
}

function conflictText(conflict: Conflict): string {
  const { object, reason, source, target } = conflict
  const side = ({ member, by, at }: Conflict['source']) =>
    `  ${member}: last changed ${at ?? 'at an unknown time'} by ${by ?? 'somebody'}`
  const decided = decisionText(conflict)
  return [
    ...[`${object}: ${reason}`, side(source), side(target)],
    ...[...decided, fieldsText(conflict)],
  ].join('\n')
}

function decisionText({ decision, isApart, ...sides }: Conflict): string[] {
  if (decision === null) return []
  const { keep, at } = decision
  const by = at === null ? 'the plan rules' : `decided ${at}`
  if (keep === 'both')
    return [`  ${by}: both keep their own${isApart ? '' : ', from the next sync'}`]
  return [`  ${by}: the content of ${sides[keep].member} stands; each sync tries until it does`]
}

const mostFields = 20

function fieldsText({ changes, fixed, source, target }: Conflict): string {
  if (changes === null) return '  one side cannot be read any more'
  if (changes.length === 0)
    return '  the documents are equal; what they hold (values, bytes) differs'
  const shown = (value: unknown) =>
    value === undefined ? '-' : (JSON.stringify(value) ?? '-').slice(0, 60)
  const rows = changes
    .slice(0, mostFields)
    .map(({ path, from, to }) => [`  ${path}`, shown(to), shown(from)])
  const rest = changes.length - rows.length
  const heads = ['  FIELD', source.member.toUpperCase(), target.member.toUpperCase()]
  const table = [tableText(heads, rows)]
  if (rest > 0) table.push(`  and ${countText(rest, 'field')} more`)
  if (fixed.length > 0)
    table.push(`  ${fixed.join(', ')} cannot be changed once made: only --keep both is possible`)
  return table.join('\n')
}
