import resourceFacts from '../../facts/azureml-resources.json' with { type: 'json' }
import { AzureError } from '../context.ts'
import type { BehaviourRegistry } from './behaviour-registry.ts'

/**
 * Types of Azure Machine Learning that are written through the resource manager, with those above
 * them: a version has a container, whether the table of facts lists it or not.
 */
const stored = new Set<string>()
for (const { type, verbs } of resourceFacts.resources) {
  if (!verbs.some((verb) => verb.startsWith('PUT'))) continue
  const parts = (type.split(' ')[0] ?? '').toLowerCase().split('/')
  for (let length = 2; length <= parts.length; length++)
    stored.add(parts.slice(0, length).join('/'))
}

/** Any document of another provider is stored; of Machine Learning, what Azure has a document for. */
export function isOfferedType(type: string, behaviours: BehaviourRegistry): boolean {
  const key = type.toLowerCase()
  if (!key.startsWith('microsoft.machinelearningservices/')) return true
  return stored.has(key) || behaviours.of(key) !== undefined
}

export function isOfferedAction(
  type: string,
  action: string,
  behaviours: BehaviourRegistry,
): boolean {
  const behaviour = behaviours.of(type)
  const name = action.toLowerCase()
  return behaviour?.actions?.[name] !== undefined || behaviour?.earlyActions?.[name] !== undefined
}

/** Throws 501: an empty list or "not found" would be taken for the truth. */
export function requireOfferedType(type: string, behaviours: BehaviourRegistry): void {
  if (!isOfferedType(type, behaviours)) throw notOffered(`resources of type ${type}`)
}

export const notOffered = (what: string) =>
  new AzureError(501, 'NotImplemented', `The local region does not offer ${what}.`)
