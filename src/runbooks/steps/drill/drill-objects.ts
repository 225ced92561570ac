import { drillPath, isDrillBlob, isDrillObject, jobLogPath } from '../../../model/drill.ts'
import { formatObjectId } from '../../../model/object-id.ts'
import { collect } from '../../../workspace/pages.ts'
import type { Workspace, WorkspaceObject } from '../../../workspace/workspace.ts'
import { listAll } from '../object-changes.ts'

const kinds = ['online-endpoint', 'job'] as const
const folders = [
  { store: 'workspaceblobstore', prefix: drillPath('').replace(/[^/]*\/$/, '') },
  { store: 'workspaceartifactstore', prefix: jobLogPath('drill-').replace(/\/$/, '') },
] as const

export interface DrillObjects {
  readonly objects: readonly WorkspaceObject[]
  readonly blobs: readonly { readonly store: string; readonly name: string }[]
}

/** Everything of drills that stands here, asked from the workspace; deployments go with their endpoint. */
export async function findDrillObjects(
  target: Workspace,
  signal: AbortSignal,
): Promise<DrillObjects> {
  const listed = await Promise.all(
    kinds
      .filter((kind) => target.capabilities.kinds.has(kind))
      .map((kind) => listAll(target, kind, signal)),
  )
  const blobs = await Promise.all(
    folders.map(async ({ store, prefix }) => {
      const found = await collect((page) => target.listBlobs(store, { ...page, prefix, signal }))
      return found
        .filter(({ name }) => isDrillBlob(store, name))
        .map(({ name }) => ({ store, name }))
    }),
  )
  return {
    objects: listed.flat().filter(({ id, body }) => isDrillObject(id, body)),
    blobs: blobs.flat(),
  }
}

export function namesOf({ objects, blobs }: DrillObjects): string[] {
  return [
    ...objects.map(({ id }) => formatObjectId(id)),
    ...blobs.map(({ store, name }) => formatObjectId({ kind: 'blob', path: [store, name] })),
  ]
}
