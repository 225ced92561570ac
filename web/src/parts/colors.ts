import type {
  GroupStatus,
  LedgerRow,
  MemberStatus,
  Operation,
  StepState,
} from '../../../src/api/contract.ts'

export function protectionColor(protection: GroupStatus['protection']): string {
  return {
    protected: 'teal',
    reversed: 'teal',
    partial: 'orange',
    unprotected: 'red',
    unknown: 'gray',
  }[protection]
}

export function healthColor(health: MemberStatus['health']): string {
  return { healthy: 'teal', degraded: 'orange', unreachable: 'red', unknown: 'gray' }[health]
}

/** A shape beside the colour, for eyes that do not tell red from green. */
export function healthMark(health: MemberStatus['health']): string {
  return { healthy: '●', degraded: '▲', unreachable: '✖', unknown: '?' }[health]
}

export function operationColor({ outcome, status }: Pick<Operation, 'outcome' | 'status'>): string {
  if (outcome === 'complete') return 'teal'
  if (outcome === 'partial') return 'orange'
  if (outcome !== null) return 'red'
  return status === 'unknown' || status === 'waiting' ? 'orange' : 'blue'
}

export function stepColor({ status }: StepState): string {
  return {
    pending: 'gray',
    running: 'blue',
    waiting: 'orange',
    done: 'teal',
    skipped: 'gray',
    failed: 'red',
    undone: 'grape',
  }[status]
}

export function rowMark(state: LedgerRow['state']): string {
  return { proven: '●', pending: '○', failed: '✖', conflict: '▲', apart: '◆', skipped: '–' }[state]
}

export function rowColor(state: LedgerRow['state']): string {
  return {
    proven: 'teal',
    pending: 'gray',
    failed: 'red',
    conflict: 'orange',
    apart: 'gray',
    skipped: 'gray',
  }[state]
}
