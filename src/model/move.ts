import { normalRegion } from './canonical.ts'
import type { Place } from './place.ts'

/** What a rewriter says of one reference. It never guesses: what it cannot map it names. */
export type Verdict =
  | { readonly is: 'foreign' }
  /** Recognised, and right as it is: portable, or already at the target. */
  | { readonly is: 'kept' }
  | { readonly is: 'moved'; readonly value: string }
  | { readonly is: 'unresolved'; readonly reason: UnresolvedReason }

export type UnresolvedReason =
  | 'other-workspace'
  | 'other-account'
  | 'unmapped-resource'
  | 'unmapped-container'
  | 'unmapped-host'
  | 'signed-url'
  | 'regional-address'

/** category -> name at `from` -> name at `to`; the plan's `map`, turned round for the way back. */
export type NameMap = Readonly<Record<string, Readonly<Record<string, string>>>>

export interface Move {
  readonly from: Place
  readonly to: Place
  readonly map: NameMap
}

export const foreign: Verdict = { is: 'foreign' }
export const kept: Verdict = { is: 'kept' }
export const unresolved = (reason: UnresolvedReason): Verdict => ({ is: 'unresolved', reason })

export function same(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && a.toLowerCase() === b.toLowerCase()
}

export function mapName(move: Move, category: string, name: string): string {
  return lookUp(move.map[category], name) ?? name
}

export function lookUp(names: Readonly<Record<string, string>> | undefined, name: string) {
  if (names === undefined) return undefined
  return Object.entries(names).find(([key]) => same(key, name))?.[1]
}

export function verdict(value: string, result: string): Verdict {
  return value === result ? kept : { is: 'moved', value: result }
}

export type Form = (value: string, move: Move) => Verdict

export const hostOf = (origin: string) => origin.replace(/^https?:\/\//i, '').replace(/\/.*$/, '')

/** Datastores that the service creates itself; their containers are named by the workspace's GUID. */
const systemDatastores = ['workspaceblobstore', 'workspaceartifactstore']

/**
 * The container at `to` that holds what `container` holds at `from`; undefined when it belongs to a
 * system datastore that `to` does not have, or to datastores that lead to different places. Any
 * other container has the same name on both sides (D6).
 */
export function mapContainer(container: string, { from, to, map }: Move): string | undefined {
  const mapped = lookUp(map.container, container)
  if (mapped !== undefined) return mapped
  const owners = Object.keys(from.containers).filter((name) => from.containers[name] === container)
  const system = owners.find((name) => systemDatastores.includes(name))
  if (system !== undefined) return to.containers[system]
  const targets = new Set(
    owners.flatMap((name) => to.containers[map.datastore?.[name] ?? name] ?? []),
  )
  if (targets.size > 1) return undefined
  return [...targets][0] ?? mapShare(container, { from, to })
}

/** `azureml-filestore-{guid}` and its kin. */
export function mapShare(share: string, { from, to }: Pick<Move, 'from' | 'to'>): string {
  const match = /^(azureml-[a-z]+-)(.+)$/i.exec(share)
  if (match === null || !same(match[2], from.workspaceGuid)) return share
  return `${match[1]}${to.workspaceGuid}`
}

/** `blob.core.windows.net` behind an account's own host; undefined for path-style origins. */
export function hostSuffix(place: Place): string | undefined {
  const host = hostOf(place.blobOrigin)
  const prefix = `${place.storageAccount}.blob.`.toLowerCase()
  return host.toLowerCase().startsWith(prefix) ? host.slice(prefix.length) : undefined
}

export function isSigned(value: string): boolean {
  return /[?&]sig=/i.test(value)
}

export function moveRegion(text: string, { from, to }: Move): string {
  return normalRegion(text) === normalRegion(from.region) ? to.region : text
}
