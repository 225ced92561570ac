import type { DriftFinding } from '../api/drift-contract.ts'
import { isObject } from '../model/field-path.ts'
import type { NameMap } from '../model/move.ts'
import type { CallOptions, RoleAssignment, Workspace } from '../workspace/workspace.ts'

/**
 * Who may do something at the one side only: whoever works at the primary has to be able to after a
 * move. What a pass gives at the secondary is its affair (`object.not-equal`, `drift.missing`): here is
 * what it leaves, roles of scopes around the workspace and those that only the secondary has.
 * Undefined: a side has no roles.
 */
export async function accessDrift(
  source: Workspace,
  target: Workspace,
  { map, isCopied }: AccessTerms,
  options: CallOptions,
): Promise<DriftFinding[] | undefined> {
  const [here, there] = await Promise.all([source.readAccess(options), target.readAccess(options)])
  if (here === undefined || there === undefined) return undefined
  const [own, counterpart] = await Promise.all([
    identityOf(source, options),
    identityOf(target, options),
  ])
  const moved = (principalId: string): string => {
    if (principalId === own && counterpart !== undefined) return counterpart
    return mapped(map, principalId)
  }
  const wanted = new Map(
    here.map((one) => [keyOf({ ...one, principalId: moved(one.principalId) }), one]),
  )
  const found = new Map(there.map((one) => [keyOf(one), one]))
  const [a, b] = [source.name, target.name]
  return [
    ...[...wanted].flatMap(([key, one]) =>
      found.has(key) || (isCopied && !one.isInherited)
        ? []
        : finding(
            { ...one, principalId: moved(one.principalId) },
            'high',
            `${one.principalType} ${one.principalId} is ${one.roleName} at ${a}, and not at ${b}; give ${moved(one.principalId)} that role there, or name its counterpart in map.identity`,
          ),
    ),
    ...[...found].flatMap(([key, one]) =>
      wanted.has(key)
        ? []
        : finding(
            one,
            'low',
            `${one.principalType} ${one.principalId} is ${one.roleName} at ${b} only`,
          ),
    ),
  ]
}

export interface AccessTerms {
  /** Names at the source -> names at the target. */
  readonly map: NameMap
  /** The plan has roles of the workspace itself copied. */
  readonly isCopied: boolean
}

function finding(
  { roleName, principalId }: RoleAssignment,
  severity: DriftFinding['severity'],
  reason: string,
): DriftFinding[] {
  const object = `role-assignment/${roleName}/${principalId}`
  return [
    {
      ...{ object, kind: 'role-assignment', code: 'drift.role', changes: [] },
      severity,
      reason,
      fix: 'manual',
    },
  ]
}

const keyOf = ({ role, principalId }: RoleAssignment) => `${role}/${principalId}`.toLowerCase()

function mapped({ identity = {} }: NameMap, principalId: string): string {
  const [, to] =
    Object.entries(identity).find(([from]) => from.toLowerCase() === principalId.toLowerCase()) ??
    []
  return to ?? principalId
}

/** The workspace's own identity has another id on each side and needs the same rights. */
async function identityOf(workspace: Workspace, options: CallOptions): Promise<string | undefined> {
  const found = await workspace.getObject({ kind: 'workspace', path: [] }, options)
  const identity = found?.body.identity
  const id = isObject(identity) ? identity.principalId : undefined
  return typeof id === 'string' ? id : undefined
}
