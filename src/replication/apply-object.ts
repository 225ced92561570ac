import { canonicalObject } from '../model/canonical.ts'
import { HoldfastError } from '../model/errors.ts'
import { isObject } from '../model/field-path.ts'
import type { JsonObject } from '../model/json.ts'
import { isTrackingKind, type Kind } from '../model/kinds.ts'
import { formatObjectId, type ObjectId } from '../model/object-id.ts'
import type { ObjectOrigin, PutOptions, WorkspaceObject } from '../workspace/workspace.ts'
import type { Decision } from './decide-action.ts'
import { fieldChanges } from './field-changes.ts'
import { roleNotPermitted } from './not-protected.ts'
import { type Desired, digestOf, versionOf } from './object-forms.ts'
import {
  type Deferred,
  entryFor,
  failureOf,
  type Outcome,
  type Pass,
  reading,
  writeIntents,
  writing,
} from './pass-state.ts'
import { copyArtifacts, readArtifacts } from './run-content.ts'
import { formBeforeFinish, isFinishedLater, namedLater, withoutRoutesTo } from './standing-form.ts'

/** Kinds whose credentials travel from vault to vault, read at use and kept nowhere (I9, D10). */
const withSecrets: ReadonlySet<Kind> = new Set<Kind>([
  'datastore',
  'connection',
  'online-endpoint',
  'batch-endpoint',
])

/** Compared by keyed hash; true when the source has none to compare. */
export async function sameSecrets(pass: Pass, id: ObjectId): Promise<boolean> {
  if (!withSecrets.has(id.kind)) return true
  const [source, target] = await Promise.all([
    pass.context.source.readSecrets(id, reading(pass)),
    pass.context.target.readSecrets(id, reading(pass)),
  ])
  return source === undefined || source.fingerprint() === target?.fingerprint()
}

/**
 * Writes one object and proves it: intent first, so that a crash in between is recognised as our own
 * doing; then the write, conditional on what was compared; then the re-read (I3, I4).
 */
export async function applyObject(
  pass: Pass,
  source: WorkspaceObject,
  desired: Desired,
  target: WorkspaceObject | undefined,
  decision: Decision,
): Promise<Outcome> {
  const { id } = source
  const first = isFinishedLater(id.kind)
    ? formBeforeFinish(id, desired.body, target?.body)
    : desired.body
  // What is there now and what will be there: a crash or a lost answer leaves one of the two behind.
  const intent = {
    state: 'pending',
    sourceDigest: digestOf(id, first),
    targetDigest: target === undefined ? null : digestOf(id, target.body),
    sourceVersion: versionOf(source),
    targetVersion: null,
  } as const
  await writeIntents(pass, [entryFor(pass, id, intent)])
  try {
    return await write(pass, source, desired, target, decision, first, intent)
  } catch (error) {
    const failure = failureOf(error)
    if (isLeftToPeople(pass, failure.code)) return { ...intent, state: 'skipped', error: failure }
    pass.tally.failed += 1
    return { ...intent, state: 'failed', error: failure }
  }
}

/** Most identities may not give roles, and what they copy is whole without; status names it (I8). */
function isLeftToPeople(pass: Pass, code: string): boolean {
  return code === roleNotPermitted && pass.context.plan.roleAssignments !== 'copy'
}

async function write(
  pass: Pass,
  source: WorkspaceObject,
  desired: Desired,
  target: WorkspaceObject | undefined,
  decision: Decision,
  first: JsonObject,
  intent: Outcome,
): Promise<Outcome> {
  const { id } = source
  const options = await putOptions(pass, id, target)
  if (options === undefined) {
    pass.tally.pending += 1
    return {
      ...intent,
      error: { code: 'object.changed', message: 'changed at the target while it was compared' },
    }
  }
  const complete = digestOf(id, first) === desired.digest
  // Only the second half differs: there is nothing to write before that.
  const isFirstDone =
    !complete && target !== undefined && intent.sourceDigest === intent.targetDigest
  const origin = isTrackingKind(id.kind) ? { origin: originOf(pass, source, decision) } : {}
  const put = { ...options, ...origin }
  const document = isFirstDone ? target : await pass.context.target.putObject(id, first, put)
  const written = holdsFiles(id.kind) ? await withFiles(pass, id, document) : document
  if (decision.action === 'create') pass.tally.created += 1
  else if (!isFirstDone) pass.tally.updated += 1
  if (complete) return proof(pass, id, desired.body, desired.digest, written, versionOf(source))
  const standing = digestOf(id, written.body)
  const sourceVersion = versionOf(source)
  pass.deferred.push({
    ...{ id, desired: desired.body, digest: desired.digest, standing, sourceVersion },
    isCounted: !isFirstDone,
  })
  return {
    ...intent,
    sourceDigest: desired.digest,
    targetDigest: standing,
    error: { code: 'object.unfinished', message: 'the rest follows when what it names is there' },
  }
}

function originOf(
  { context: { source } }: Pass,
  { id, body, origin }: WorkspaceObject,
  { isSourceGone }: Decision,
): ObjectOrigin {
  const systemData = isObject(body.systemData) ? body.systemData : {}
  const createdAt = origin?.createdAt ?? systemData.createdAt
  return {
    ...{ member: source.name, id: id.path.at(-1) ?? '' },
    ...(typeof createdAt === 'string' ? { createdAt } : {}),
    ...(isSourceGone === true ? { isSourceGone } : {}),
  }
}

const holdsFiles = (kind: Kind): boolean => kind === 'logged-model' || kind === 'trace'

/** The files of a logged model or a trace lie in a store of its own, which exists as soon as it does. */
async function withFiles(
  pass: Pass,
  id: ObjectId,
  document: WorkspaceObject,
): Promise<WorkspaceObject> {
  const store = `${id.kind}:${id.path[0]}`
  const copied = await copyArtifacts(pass, store)
  if (copied.bytes === 0) return document
  const there = await readArtifacts(pass, pass.context.target, store)
  if (copied.artifacts !== there.artifacts)
    throw new HoldfastError('object.not-equal', `the files of ${store} differ at the target`)
  return (await pass.context.target.getObject(id, reading(pass))) ?? document
}

/** Undefined: the target is not what was compared any more. */
async function putOptions(
  pass: Pass,
  id: ObjectId,
  target: WorkspaceObject | undefined,
): Promise<PutOptions | undefined> {
  const secrets = withSecrets.has(id.kind)
    ? await pass.context.source.readSecrets(id, reading(pass))
    : undefined
  const common = { ...writing(pass), ...(secrets === undefined ? {} : { secrets }) }
  if (target === undefined) return { ...common, condition: 'absent' }
  const now = await pass.context.target.getObject(id, reading(pass))
  if (now === undefined || digestOf(id, now.body) !== digestOf(id, target.body)) return undefined
  return { ...common, ...(now.etag === undefined ? {} : { condition: { etag: now.etag } }) }
}

function proof(
  pass: Pass,
  id: ObjectId,
  wanted: JsonObject,
  digest: string,
  written: WorkspaceObject,
  sourceVersion: string | null,
): Outcome {
  const targetDigest = digestOf(id, written.body)
  const facts = {
    sourceDigest: digest,
    targetDigest,
    sourceVersion,
    targetVersion: versionOf(written),
  }
  if (targetDigest === digest) return { ...facts, state: 'proven' }
  pass.tally.failed += 1
  const paths = fieldChanges(canonicalObject(id, wanted), canonicalObject(id, written.body)).map(
    (change) => change.path,
  )
  return {
    ...facts,
    state: 'failed',
    error: {
      code: 'object.not-equal',
      message: `the target holds something else than was written: ${paths.join(', ').slice(0, 400)}`,
    },
  }
}

/** The second half of what could not be put at once: traffic, and the archived state of containers. */
export async function finishDeferred(pass: Pass): Promise<void> {
  pass.phase = 'finish'
  for (const one of pass.deferred.splice(0)) {
    const { id, desired, digest, standing, sourceVersion } = one
    // Both digests: whichever of the two forms a crash leaves behind is recognised as ours.
    const unknown = {
      sourceDigest: digest,
      targetDigest: standing,
      sourceVersion,
      targetVersion: null,
    }
    let outcome: Outcome
    const missing = namedLater(id, desired)
      .map(formatObjectId)
      .find((object) => pass.unproven.has(object) || pass.captured.has(object))
    if (missing !== undefined) {
      pass.tally.pending += 1
      outcome = {
        ...unknown,
        state: 'pending',
        error: { code: 'object.waiting', message: `waits for ${missing}` },
      }
    } else {
      try {
        outcome = await finish(pass, one)
      } catch (error) {
        pass.tally.failed += 1
        outcome = { ...unknown, state: 'failed', error: failureOf(error) }
      }
    }
    await pass.context.ledger.write(pass.direction, [entryFor(pass, id, outcome)])
  }
}

async function finish(
  pass: Pass,
  { id, desired: whole, digest: wholeDigest, standing, sourceVersion, isCounted }: Deferred,
): Promise<Outcome> {
  const desired = await withoutLeftRoutes(pass, id, whole)
  const digest = desired === whole ? wholeDigest : digestOf(id, desired)
  const now = await pass.context.target.getObject(id, reading(pass))
  if (now === undefined || digestOf(id, now.body) !== standing) {
    pass.tally.pending += 1
    return {
      state: 'pending',
      sourceDigest: digest,
      targetDigest: standing,
      sourceVersion,
      targetVersion: null,
      error: { code: 'object.changed', message: 'changed at the target before it was finished' },
    }
  }
  if (standing === digest && (await sameSecrets(pass, id)))
    return proof(pass, id, desired, digest, now, sourceVersion)
  const secrets = withSecrets.has(id.kind)
    ? await pass.context.source.readSecrets(id, reading(pass))
    : undefined
  if (!isCounted) pass.tally.updated += 1
  const written = await pass.context.target.putObject(id, desired, {
    ...writing(pass),
    ...(now.etag === undefined ? {} : { condition: { etag: now.etag } }),
    ...(secrets === undefined ? {} : { secrets }),
  })
  return proof(pass, id, desired, digest, written, sourceVersion)
}

/** Routes to a deployment that was left and does not stand here from before lead nowhere. */
async function withoutLeftRoutes(pass: Pass, id: ObjectId, body: JsonObject): Promise<JsonObject> {
  const absent = new Set<string>()
  for (const deployment of namedLater(id, body)) {
    if (!pass.left.has(formatObjectId(deployment))) continue
    const there = await pass.context.target.getObject(deployment, reading(pass))
    if (there === undefined) absent.add(deployment.path.at(-1) ?? '')
  }
  return absent.size === 0 ? body : withoutRoutesTo(body, (name) => absent.has(name))
}
