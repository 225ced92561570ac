import type { KindCount } from '../api/contract.ts'
import { kinds } from '../model/kinds.ts'

/** So many rows of one kind in one state. */
export interface StateCount {
  readonly kind: string
  readonly state: string
  readonly count: number
  readonly bytes: number
}

/** One line per kind, in restore order. Skipped objects are out of scope, so they are not counted; what
 * no pass carries is told in words. */
export function countByKind(counts: Iterable<StateCount>): KindCount[] {
  const found = new Map<string, KindCount>()
  for (const { kind, state, count, bytes } of counts) {
    if (kind === 'not-protected') continue
    const line = found.get(kind) ?? emptyLine(kind)
    found.set(kind, line)
    if (state === 'skipped') continue
    line.inScope += count
    line.bytes += bytes
    if (isCounted(state)) line[state] += count
  }
  const order: readonly string[] = kinds
  return [...found.values()].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))
}

const counted = ['proven', 'pending', 'failed', 'conflict', 'apart'] as const
function isCounted(state: string): state is (typeof counted)[number] {
  return (counted as readonly string[]).includes(state)
}

function emptyLine(kind: string): KindCount {
  return { kind, inScope: 0, proven: 0, pending: 0, failed: 0, conflict: 0, apart: 0, bytes: 0 }
}
