import { isHoldfastError } from '../model/errors.ts'

/** What a command's exit code means; scripts and CI depend on it, so a number is never reused. */
export const exitCodes = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  partial: 3,
  operator: 4,
  unreachable: 5,
  conflict: 6,
  unknownOutcome: 7,
  tampered: 8,
  hungUp: 129,
  interrupted: 130,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

const exitMeanings: Readonly<Record<ExitCode, string>> = {
  0: 'done',
  1: 'unexpected error',
  2: 'usage or plan file mistake',
  3: 'partial: not everything in scope is proven on the other side',
  4: 'refused, or a human has to act first',
  5: 'a workspace or the controller cannot be reached',
  6: 'conflict: another operation is under way, or something changed meanwhile',
  7: 'outcome unknown: look at `holdfast status` before repeating',
  8: 'evidence was tampered with',
  129: 'interrupted: the terminal was closed',
  130: 'interrupted',
}

/** `own`: what some of them mean for one command. */
export function exitCodeHelp(
  codes: readonly ExitCode[] = Object.values(exitCodes),
  own: Partial<Record<ExitCode, string>> = {},
): string {
  const lines = codes.map((code) => `  ${String(code).padEnd(5)}${own[code] ?? exitMeanings[code]}`)
  return ['Exit codes:', ...lines].join('\n')
}

const byCode: Readonly<Record<string, ExitCode>> = {
  'plan.invalid': exitCodes.usage,
  'plan.not-found': exitCodes.usage,
  'plan.unreadable': exitCodes.usage,
  'request.invalid': exitCodes.usage,
  'group.not-found': exitCodes.usage,
  'operation.not-found': exitCodes.usage,
  'workspace.unreachable': exitCodes.unreachable,
  'controller.unreachable': exitCodes.unreachable,
  'controller.silent': exitCodes.unreachable,
  // Something else answers there.
  'controller.bad-answer': exitCodes.unreachable,
  // Refused, because a region that is needed is silent.
  'failover.target-silent': exitCodes.unreachable,
  'failover.target-not-ready': exitCodes.unreachable,
  'switchover.side-silent': exitCodes.unreachable,
  'reprotect.member-silent': exitCodes.unreachable,
  'drill.target-silent': exitCodes.unreachable,
  'region.not-running': exitCodes.unreachable,
  'store.unreachable': exitCodes.unreachable,
  'operation.busy': exitCodes.conflict,
  'operation.cancelled': exitCodes.interrupted,
  'controller.already-running': exitCodes.conflict,
  'address.in-use': exitCodes.conflict,
  'epoch.stale': exitCodes.conflict,
  'epoch.changed': exitCodes.conflict,
  'plan.changed': exitCodes.conflict,
}

/** By code where one is listed, else by kind. */
export function exitCodeOf(error: unknown): ExitCode {
  if (!isHoldfastError(error)) return exitCodes.unexpected
  const listed = byCode[error.code]
  if (listed !== undefined) return listed
  if (error.code.startsWith('usage.')) return exitCodes.usage
  switch (error.kind) {
    case 'operator':
      return exitCodes.operator
    case 'unknown-outcome':
      return exitCodes.unknownOutcome
    case 'cancelled':
      return exitCodes.interrupted
    case 'transient':
      return exitCodes.unreachable
    case 'permanent':
      return exitCodes.unexpected
    default:
      return error.kind satisfies never
  }
}
