import type { Place } from '../../model/place.ts'
import type { StablePointer } from '../stable-endpoint.ts'

/** The content of a `config.json`, or whatever a service keeps in its place. */
export type ConfigDocument = Readonly<Record<string, unknown>>

const required = ['subscription_id', 'resource_group', 'workspace_name'] as const

/** The document that leads to a place. Everything that is not ours stays as it is. */
export function leadingTo(
  pointer: StablePointer,
  { subscriptionId, resourceGroup, workspaceName }: Place,
  existing: ConfigDocument | undefined,
): ConfigDocument {
  const scope = `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/Microsoft.MachineLearningServices/workspaces/${workspaceName}`
  return {
    ...existing,
    subscription_id: subscriptionId,
    resource_group: resourceGroup,
    workspace_name: workspaceName,
    // Official clients prefer `Scope`, which older SDKs wrote, if it is there.
    ...(typeof existing?.Scope === 'string' && { Scope: scope }),
    holdfast: { member: pointer.member, epoch: pointer.epoch },
  }
}

export function pointerIn(document: ConfigDocument | undefined): StablePointer | undefined {
  const mark = document?.holdfast
  if (!isRecord(mark)) return undefined
  const { member, epoch } = mark
  return typeof member === 'string' && typeof epoch === 'number' ? { member, epoch } : undefined
}

/** Whether official clients find in it what they need. */
export const isComplete = (document: ConfigDocument | undefined): boolean =>
  required.every((field) => typeof document?.[field] === 'string')

export const formatDocument = (document: ConfigDocument): string =>
  `${JSON.stringify(document, null, 4)}\n`

/** Undefined when the text is no JSON object. */
export function parseDocument(text: string): ConfigDocument | undefined {
  try {
    // Editors on Windows begin files with a byte order mark, and the official clients accept it.
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ''))
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

const isRecord = (value: unknown): value is ConfigDocument =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
