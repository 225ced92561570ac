import { isDeepStrictEqual } from 'node:util'
import { asRecord, type Document } from '../arm/document.ts'
import type { ResourceStore } from '../context.ts'

/**
 * A job and its run are one thing in Azure: what is written to the run (archived, renamed, tagged)
 * is read from the job. `workspaceId` in any case.
 */
export function mirrorRun(
  resources: Pick<ResourceStore, 'get' | 'amend'>,
  workspaceId: string,
  runId: string,
  run: Document,
): void {
  const id = `${workspaceId}/jobs/${runId}`
  const job = resources.get(id)
  if (!job) return
  const before = asRecord(job.body.properties)
  const after = { ...before, ...sharedFields(run, before) }
  if (isDeepStrictEqual(before, after)) return
  resources.amend(id, (body) => ({ ...body, properties: after }))
}

function sharedFields(run: Document, job: Document): Document {
  const shared: Document = {
    isArchived: run.hidden === true,
    tags: asRecord(run.tags),
    properties: { ...asRecord(job.properties), ...asRecord(run.properties) },
  }
  for (const field of ['displayName', 'description'] as const)
    if (run[field] !== undefined) shared[field] = run[field]
  return shared
}
