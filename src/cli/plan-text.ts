import type { PlannedAction, ReplicationPlan } from '../api/contract.ts'
import { bytesText, countText, tableText } from './text.ts'

const order: readonly PlannedAction['action'][] = [
  ...(['create', 'copy', 'update', 'archive', 'conflict', 'skip', 'none'] as const),
]

const meanings: Record<PlannedAction['action'], string> = {
  create: 'create',
  copy: 'copy',
  update: 'update',
  archive: 'archive',
  conflict: 'conflict',
  skip: 'skip',
  none: 'equal already',
}

const mostReasons = 50

/** Grouped by action and kind; what is not simply copied, object by object with its reason. */
export function planTextOf(plan: ReplicationPlan): string {
  const changes = plan.actions.filter(({ action }) => !/^(none|skip|conflict)$/.test(action))
  const lines = [`${plan.group}: ${plan.from} -> ${plan.to}`]
  if (plan.actions.length > 0) {
    lines.push('', tableText(['ACTION', 'KIND', 'OBJECTS', 'SIZE'], groups(plan.actions)))
  }
  const first = firstText(plan.actions)
  if (first !== undefined) lines.push('', first)
  const special = plan.actions.filter(({ action }) => action === 'conflict' || action === 'skip')
  if (special.length > 0) {
    const rows = special
      .slice(0, mostReasons)
      .map((each) => [each.action, each.object, each.reason])
    lines.push('', tableText(['', 'OBJECT', 'WHY'], rows))
    const more = special.length - rows.length
    if (more > 0) lines.push(`and ${more} more: holdfast plan --json`)
  }
  lines.push(
    '',
    changes.length === 0
      ? 'Nothing to copy or change.'
      : `${countText(changes.length, 'change')}, ${bytesText(plan.bytes)} to copy. Do it: holdfast sync`,
  )
  return lines.join('\n')
}

/** Line by line of the plan's priorities, what of it there is to do. */
function firstText(actions: readonly PlannedAction[]): string | undefined {
  const counts = new Map<string, number>()
  for (const { priority, kind } of actions) {
    if (priority === undefined) continue
    const key = `${priority} ${kind}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  if (counts.size === 0) return undefined
  const rows = [...counts]
    .map(([key, count]) => [...key.split(' '), String(count)])
    .sort(([a], [b]) => Number(a) - Number(b))
  return tableText(['FIRST', 'KIND', 'OBJECTS'], rows)
}

function groups(actions: readonly PlannedAction[]): string[][] {
  const sums = new Map<string, { action: PlannedAction; count: number; bytes: number }>()
  for (const action of actions) {
    const key = `${order.indexOf(action.action)} ${action.kind}`
    const sum = sums.get(key) ?? { action, count: 0, bytes: 0 }
    sum.count += 1
    sum.bytes += action.bytes ?? 0
    sums.set(key, sum)
  }
  return [...sums.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { action, count, bytes }]) => [
      ...[meanings[action.action], action.kind, String(count), bytes === 0 ? '' : bytesText(bytes)],
    ])
}
