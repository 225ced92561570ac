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
