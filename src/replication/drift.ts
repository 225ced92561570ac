import type { PlannedAction } from '../api/contract.ts'
import type { DriftFinding, DriftReport } from '../api/drift-contract.ts'
import { isCode } from '../model/errors.ts'
import type { CallOptions, Workspace } from '../workspace/workspace.ts'
import { apartReason } from './decide-action.ts'
import { type AccessTerms, accessDrift } from './drift-access.ts'
import { quotaDrift } from './drift-quotas.ts'
import { computeDrift, settingsDrift } from './drift-settings.ts'
import type { Direction, LedgerEntry } from './ledger.ts'
import { rolesLeft } from './not-protected.ts'
import type { ReplicationContext } from './pass.ts'
import { nameMapFrom } from './pass-state.ts'
import { planReplication } from './plan-replication.ts'

const severities = ['high', 'medium', 'low'] as const

const neverCompared = ['objects that only the secondary has']

/**
 * The full comparison of a plan, less what is lag: an object that the source made or changed since it
 * was proven is behind, not adrift. Settings and mapped computes, which no pass writes, come on top.
 */
export async function findDrift(context: ReplicationContext): Promise<DriftReport> {
  const { source, target, group, plan, signal } = context
  const direction = { group, source: source.name, target: target.name }
  const { actions } = await planReplication({ ...context, full: true })
  const rows = await context.ledger.read(
    direction,
    actions.map(({ object }) => object),
  )
  const around = await besides(
    source,
    target,
    { map: nameMapFrom(plan, source.name), isCopied: await areRolesCopied(context, direction) },
    signal ? { signal } : {},
  )
  const notCompared = [...around.notCompared, ...neverCompared]
  const findings = [
    ...actions.flatMap((action) => driftOf(action, rows.get(action.object))),
    ...(await damaged(context)),
    ...around.findings,
  ].sort(byWeight)
  const count = (severity: DriftFinding['severity']) =>
    findings.filter((one) => one.severity === severity).length
  return {
    ...{ group, from: source.name, to: target.name, findings, notCompared },
    totals: { high: count('high'), medium: count('medium'), low: count('low') },
  }
}

/** Those that the plan or Azure leaves to people are drift like any others that stand at one side only. */
async function areRolesCopied(
  { plan, ledger }: Pick<ReplicationContext, 'plan' | 'ledger'>,
  direction: Direction,
): Promise<boolean> {
  if (plan.roleAssignments === 'leave') return false
  return (await rolesLeft(ledger, direction)).length === 0
}

/** Pure: what one planned action says about the secondary, given what was proven. */
export function driftOf(action: PlannedAction, row: LedgerEntry | undefined): DriftFinding[] {
  const { object, kind, reason, changes = [] } = action
  const found = { object, kind, changes }
  const wasProven = row?.state === 'proven' || row?.error?.code === 'verify.missing'
  switch (action.action) {
    case 'create':
    case 'copy':
      // What was proven and has to be made again has gone from there; what was not is lag.
      if (!wasProven || reason !== 'absent at the target') return []
      return [
        {
          ...found,
          ...{ code: 'drift.missing', severity: 'high', fix: 'sync' },
          reason: 'was proven at the secondary and is not there any more',
        },
      ]
    case 'conflict': {
      const isForeign = reason.startsWith('exists at the target')
      const code = isForeign ? 'drift.foreign' : 'drift.edited'
      return [{ ...found, code, severity: 'medium', fix: 'conflicts', reason }]
    }
    case 'skip':
      if (!reason.startsWith(apartReason)) return []
      return [{ ...found, code: 'drift.apart', severity: 'low', fix: 'conflicts', reason }]
    case 'update':
      if (reason !== 'credentials differ') return []
      return [
        {
          ...found,
          ...{ code: 'drift.credentials', severity: 'medium', fix: 'sync' },
          reason:
            'credentials differ: changed at the secondary, or at the primary since the last pass',
        },
      ]
    default:
      return []
  }
}

/** Found by `holdfast verify` and not mended since. */
async function damaged({ ledger, group, source, target }: ReplicationContext) {
  const direction = { group, source: source.name, target: target.name }
  const rows = await ledger.rows(direction, { state: 'failed', limit: 1000 })
  return rows.flatMap(({ object, kind, error }): DriftFinding[] => {
    const isDamage = error?.code === 'verify.not-equal' || error?.code === 'verify.source-damaged'
    if (!isDamage) return []
    const found = { object, kind, code: 'drift.damaged', severity: 'high' } as const
    const fix = error.code === 'verify.not-equal' ? 'sync' : 'manual'
    return [{ ...found, fix, reason: error.message, changes: [] }]
  })
}

/** What no pass writes: settings, computes that people made, roles, quotas. */
async function besides(
  source: Workspace,
  target: Workspace,
  terms: AccessTerms,
  options: CallOptions,
): Promise<{ readonly findings: DriftFinding[]; readonly notCompared: string[] }> {
  const looks: Readonly<Record<string, () => Promise<DriftFinding[] | undefined>>> = {
    'role assignments': () => accessDrift(source, target, terms, options),
    quotas: () => quotaDrift(source, target, options),
  }
  const findings: DriftFinding[] = []
  const notCompared: string[] = []
  for (const [what, look] of Object.entries(looks)) {
    try {
      const found = await look()
      if (found === undefined) notCompared.push(what)
      else findings.push(...found)
    } catch (error) {
      // Reading these needs rights that replicating does not; what was not seen is said (I8).
      if (!isCode(error, 'workspace.forbidden')) throw error
      notCompared.push(`${what} (this identity may not read them)`)
    }
  }
  if (!source.capabilities.kinds.has('compute') || !target.capabilities.kinds.has('compute'))
    return { findings, notCompared }
  findings.push(
    ...(await settingsDrift(source, target, options)),
    ...(await computeDrift(source, target, terms.map, options)),
  )
  return { findings, notCompared }
}

function byWeight(a: DriftFinding, b: DriftFinding): number {
  const weight = severities.indexOf(a.severity) - severities.indexOf(b.severity)
  if (weight !== 0) return weight
  return a.object < b.object ? -1 : a.object > b.object ? 1 : 0
}
