import type { ArmResource } from '../context.ts'
import type { BehaviourRegistry } from './behaviour-registry.ts'
import { type Document, isRecord } from './document.ts'

/** The document a client sees: what is stored plus what its kind computes; never `secrets` (I9). */
export function presented(
  resource: ArmResource,
  behaviours: BehaviourRegistry,
  query: Readonly<Record<string, string>> = {},
): Document {
  const { id, name, type, systemData, body } = resource
  const computed = behaviours.of(type)?.present?.(resource, query) ?? {}
  return overlay({ id, name, type, ...body, systemData: { ...systemData } }, computed)
}

function overlay(base: Document, over: Document): Document {
  const result: Document = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const below = result[key]
    result[key] = isRecord(below) && isRecord(value) ? overlay(below, value) : value
  }
  return result
}
