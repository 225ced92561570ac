import { HoldfastError } from '../../model/errors.ts'
import { isObject } from '../../model/field-path.ts'
import type { JsonObject } from '../../model/json.ts'
import type { CallOptions, Marker, WriteOptions } from '../workspace.ts'
import type { ArmObjects } from './arm-objects.ts'
import type { HttpClient } from './http-client.ts'

/** Tags of the workspace itself: they outlive Holdfast and everyone sees them in the portal (I10). */
const prefix = 'holdfast-'

export async function readMarker(
  http: HttpClient,
  objects: ArmObjects,
  workspaceId: string,
  options: CallOptions,
): Promise<Marker | undefined> {
  const { marker } = await readTags(http, objects, workspaceId, options)
  return marker
}

/** Refuses to go back to a lower epoch (I1). Other tags are kept. */
export async function writeMarker(
  http: HttpClient,
  objects: ArmObjects,
  workspaceId: string,
  marker: Marker,
  options: WriteOptions,
): Promise<void> {
  const { tags, marker: before } = await readTags(http, objects, workspaceId, options)
  if (before !== undefined && before.epoch > marker.epoch) {
    throw new HoldfastError(
      'epoch.stale',
      `the workspace is at epoch ${before.epoch}; this is epoch ${marker.epoch}`,
      { place: workspaceId },
    )
  }
  const written = {
    ...tags,
    [`${prefix}group`]: marker.group,
    [`${prefix}role`]: marker.role,
    [`${prefix}epoch`]: String(marker.epoch),
    [`${prefix}since`]: marker.since,
  }
  await http.send({
    method: 'PATCH',
    url: objects.url(workspaceId),
    body: { tags: written },
    place: 'workspace tags',
    signal: options.signal,
  })
}

async function readTags(
  http: HttpClient,
  objects: ArmObjects,
  workspaceId: string,
  options: CallOptions,
): Promise<{ tags: JsonObject; marker: Marker | undefined }> {
  const answer = await http.send({
    method: 'GET',
    url: objects.url(workspaceId),
    place: 'workspace',
    signal: options.signal,
  })
  const tags = isObject(answer.body) && isObject(answer.body.tags) ? answer.body.tags : {}
  const role = tags[`${prefix}role`]
  const epoch = Number(tags[`${prefix}epoch`])
  if ((role !== 'primary' && role !== 'secondary') || !Number.isInteger(epoch))
    return { tags, marker: undefined }
  return {
    tags,
    marker: {
      group: String(tags[`${prefix}group`] ?? ''),
      role,
      epoch,
      since: String(tags[`${prefix}since`] ?? ''),
    },
  }
}
