import type { JsonObject } from '../model/json.ts'
import { armKind } from '../model/kinds.ts'
import { same } from '../model/move.ts'
import { formatObjectId, type ObjectId } from '../model/object-id.ts'
import { identityOwner } from '../model/principal-names.ts'
import { sealed } from '../workspace/sealing.ts'
import type { WorkspaceObject } from '../workspace/workspace.ts'
import type { Definition } from './definitions.ts'
import type { LedgerEntry } from './ledger.ts'
import { type Desired, digestOf, versionOf } from './object-forms.ts'
import { acted, entryFor, type Pass } from './pass-state.ts'
import { type Standing, standingOf } from './scope.ts'
import { isEndpoint } from './standing-form.ts'

/** Also what the target does not take, and what is part of something left. */
export function standingIn(pass: Pass, { id, body }: WorkspaceObject): Standing {
  const reason =
    pass.context.target.capabilities.leftBehind?.get(id.kind) ??
    whyLeftWithParent(pass, id) ??
    whyLeftWithIdentity(pass, id)
  if (reason !== undefined) return { is: 'left', reason }
  return standingOf(pass.context.plan, pass.map, id, body)
}

function whyLeftWithParent(pass: Pass, { kind, path }: ObjectId): string | undefined {
  const parent = armKind(kind)?.parent
  if (parent === undefined || !isEndpoint(parent)) return undefined
  const endpoint = formatObjectId({ kind: parent, path: path.slice(0, -1) })
  return pass.left.has(endpoint) ? `${endpoint} is left, so its deployments are` : undefined
}

function whyLeftWithIdentity({ left, to }: Pass, { kind, path }: ObjectId): string | undefined {
  if (kind !== 'role-assignment') return undefined
  const [, principal = ''] = path
  if (same(to.principalId, principal))
    return 'it is the identity of the other workspace, whose roles are those of its counterpart'
  const owner = identityOwner(principal)
  if (owner === undefined || !left.has(formatObjectId(owner))) return undefined
  return `${formatObjectId(owner)} is left, so its identity is`
}

/** Hot-cold: the definition is kept here and created at the failover. */
export async function capture(
  pass: Pass,
  source: WorkspaceObject,
  desired: Desired,
  defined: Definition | undefined,
): Promise<LedgerEntry> {
  const object = formatObjectId(source.id)
  pass.captured.add(object)
  await define(pass, source.id, desired.whole, defined)
  acted(pass, {
    object,
    kind: source.id.kind,
    action: 'skip',
    reason: 'hot-cold: its definition is kept and created at the failover',
  })
  return entryFor(pass, source.id, {
    state: 'skipped',
    sourceDigest: desired.digest,
    targetDigest: null,
    sourceVersion: versionOf(source),
    targetVersion: null,
    error: { code: 'object.captured', message: 'hot-cold: created at the failover' },
  })
}

export async function define(
  pass: Pass,
  id: ObjectId,
  body: JsonObject,
  defined: Definition | undefined,
): Promise<void> {
  const object = formatObjectId(id)
  const digest = digestOf(id, body)
  if (pass.mode !== 'replicate' || defined?.digest === digest) return
  const { target, epoch, signal } = pass.context
  const options = { epoch, ...(signal === undefined ? {} : { signal }) }
  await pass.context.definitions.write(pass.direction, [
    {
      object,
      kind: id.kind,
      body: await sealed(target, body, options),
      digest,
      epoch,
      at: pass.context.clock().toISOString(),
    },
  ])
}
