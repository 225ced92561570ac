import { isDrillObject } from '../model/drill.ts'
import { isHoldfastError } from '../model/errors.ts'
import type { JsonObject } from '../model/json.ts'
import type { ObjectId } from '../model/object-id.ts'
import type { Relocation } from '../model/relocate.ts'
import { type SealKeeper, sealed } from '../workspace/sealing.ts'
import type { Workspace, WorkspaceObject } from '../workspace/workspace.ts'
import type { CapturedJob, Obstacle } from './captured-job.ts'
import { checkpointPlace, object, pinCheckpoints } from './checkpoint-place.ts'
import { isSweep } from './continue-sweep.ts'
import { blankCredentials, blankVariables } from './credentials-in-text.ts'
import { finishedSteps, graphOf } from './finished-step.ts'
import { isOpen } from './job-state.ts'
import type { JobCapture, JobStore } from './job-store.ts'

export interface CaptureContext {
  readonly group: string
  readonly source: Pick<Workspace, 'listObjects' | 'completedSteps'> & SealKeeper
  /** Where the jobs would run again: environment variables are kept under keys of the members only (I9). */
  readonly target: SealKeeper
  /** Rewrites a specification for the other member; both places are known while the source answers. */
  readonly relocate: (id: ObjectId, body: JsonObject) => Relocation
  readonly store: Pick<JobStore, 'saveCapture' | 'readCapture'>
  readonly epoch: number
  readonly now: () => Date
  readonly signal?: AbortSignal
}

/**
 * Notes which jobs are open and what they would need elsewhere. After an outage nobody can be asked
 * any more, so the age of this capture is what is unknown about jobs. Jobs that a planned move of this
 * epoch has stopped stay as they were noted, whether that move went on or not.
 */
export async function captureOpenJobs(context: CaptureContext): Promise<JobCapture> {
  const { group, source, store, epoch } = context
  const at = context.now().toISOString()
  const last = await store.readCapture(group, source.name)
  const before = new Map(last?.jobs.map((job) => [job.name, job]) ?? [])
  const stopped = new Map(
    (last?.epoch === epoch ? [...before] : []).filter(([, job]) => job.stopped),
  )
  const jobs: CapturedJob[] = []
  for await (const found of allJobs(context)) {
    const state = String(object(found.body.properties).status ?? 'Unknown')
    const kept = stopped.get(nameOf(found.id))
    if (kept !== undefined) {
      // What came to its end before it could be stopped has nothing left to do.
      if (state !== 'Completed' && state !== 'Failed') jobs.push(kept)
      continue
    }
    if (!isOpen(state) || isPartOfAnother(found) || isDrillObject(found.id, found.body)) continue
    const known = before.get(nameOf(found.id))
    const stateSince = known?.state === state ? known.stateSince : at
    const job = { ...(await specification(found, context)), state, stateSince, capturedAt: at }
    jobs.push({ ...job, ...(await partsOf(job, context)) })
  }
  const capture: JobCapture = { group, source: source.name, epoch, at, jobs }
  await store.saveCapture(capture)
  return capture
}

/** Names under which a step of a pipeline and a trial of a sweep say whose part they are. */
const parentProperties = ['azureml.parentRunId', 'azureml.pipelinerunid']

/** Such a job is made again by the job it belongs to; resubmitted itself it would run twice (I6). */
function isPartOfAnother(found: WorkspaceObject): boolean {
  const properties = object(object(found.body.properties).properties)
  return parentProperties.some((name) => typeof properties[name] === 'string')
}

/** What of a pipeline or a sweep need not be done again. */
async function partsOf(
  { name, body }: Pick<CapturedJob, 'name' | 'body'>,
  { source, signal }: CaptureContext,
): Promise<Pick<CapturedJob, 'steps' | 'trials'>> {
  const isPipeline = Object.keys(graphOf(body)).length > 0
  if (!isPipeline && !isSweep(body)) return {}
  const completed = await source.completedSteps(name, signal === undefined ? {} : { signal })
  return isPipeline
    ? { steps: finishedSteps(body, completed) }
    : { trials: completed.map(({ endedAt }) => endedAt) }
}

async function* allJobs({ source, signal }: CaptureContext): AsyncGenerator<WorkspaceObject> {
  let cursor: string | undefined
  do {
    const page = await source.listObjects('job', {
      ...(cursor === undefined ? {} : { cursor }),
      ...(signal === undefined ? {} : { signal }),
    })
    yield* page.items
    cursor = page.cursor
  } while (cursor !== undefined)
}

async function specification(
  found: WorkspaceObject,
  context: CaptureContext,
): Promise<Pick<CapturedJob, 'name' | 'body' | 'home' | 'obstacles' | 'checkpoints'>> {
  const name = nameOf(found.id)
  const { body: plain, blanked } = blankCredentials(found.body)
  const pinned = pinCheckpoints(plain, name)
  const { body, unresolved } = context.relocate(found.id, pinned)
  const kept = await sealVariables(context.target, body, context)
  const atHome = await sealVariables(context.source, pinned, context)
  const home = atHome.blanked.length > 0 ? null : atHome.body
  const obstacles: Obstacle[] = [
    ...blanked,
    ...kept.blanked,
    ...unresolved
      // A public data set in somebody else's account is where it was; only what has no counterpart
      // over there keeps the job from running.
      .filter((one) => one.reason.startsWith('unmapped-') || one.reason === 'signed-url')
      .map((one) => ({
        path: one.path,
        reason: `nothing at the other side answers to ${one.value}`,
      })),
  ]
  return { name, body: kept.body, home, obstacles, checkpoints: checkpointPlace(body) }
}

/** Where nobody may use the vault, the job is known and a human has to hand it in. */
async function sealVariables(
  keeper: SealKeeper,
  body: JsonObject,
  { epoch, signal }: CaptureContext,
): Promise<ReturnType<typeof blankVariables>> {
  try {
    const options = { epoch, ...(signal === undefined ? {} : { signal }) }
    return { body: await sealed(keeper, body, options), blanked: [] }
  } catch (error) {
    if (!isHoldfastError(error) || error.kind !== 'operator') throw error
    const reason = `the vault of ${keeper.name} keeps no key to seal it with (${error.code})`
    return blankVariables(body, reason)
  }
}

function nameOf(id: ObjectId): string {
  return id.path[0] ?? ''
}
