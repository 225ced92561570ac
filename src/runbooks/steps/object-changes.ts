import { object } from '../../jobs/checkpoint-place.ts'
import { writableObject } from '../../model/canonical.ts'
import type { Kind } from '../../model/kinds.ts'
import type { Workspace, WorkspaceObject } from '../../workspace/workspace.ts'

export async function listAll(
  workspace: Workspace,
  kind: Kind,
  signal: AbortSignal,
  parent?: WorkspaceObject,
): Promise<WorkspaceObject[]> {
  const all: WorkspaceObject[] = []
  let cursor: string | undefined
  do {
    const page = await workspace.listObjects(kind, {
      signal,
      ...(cursor === undefined ? {} : { cursor }),
      ...(parent === undefined ? {} : { parent: parent.id }),
    })
    all.push(...page.items)
    cursor = page.cursor
  } while (cursor !== undefined)
  return all
}

export async function enabledSchedules(
  workspace: Workspace,
  signal: AbortSignal,
): Promise<WorkspaceObject[]> {
  const all = await listAll(workspace, 'schedule', signal)
  // Enabled is the service's default.
  return all.filter((schedule) => object(schedule.body.properties).isEnabled !== false)
}

export async function disableSchedules(
  workspace: Workspace,
  epoch: number,
  signal: AbortSignal,
): Promise<void> {
  for (const schedule of await enabledSchedules(workspace, signal)) {
    await setProperties(workspace, schedule, { isEnabled: false }, epoch, signal)
  }
}

/** Changes some properties of an object that nobody changed since it was read. */
export async function setProperties(
  workspace: Workspace,
  found: WorkspaceObject,
  changes: Record<string, boolean | Readonly<Record<string, number>>>,
  epoch: number,
  signal: AbortSignal,
): Promise<void> {
  const writable = writableObject(found.id, found.body)
  await workspace.putObject(
    found.id,
    { ...writable, properties: { ...object(writable.properties), ...changes } },
    { epoch, signal, ...(found.etag === undefined ? {} : { condition: { etag: found.etag } }) },
  )
}
