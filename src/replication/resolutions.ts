import type { JsonObject } from '../model/json.ts'
import type { Direction } from './ledger.ts'

/**
 * What a human decided about conflicts, and what the decisions put aside: nothing that a resolution
 * replaces or leaves behind is lost (I3, I5).
 */
export interface ResolutionStore {
  /** One decision per object; a later one replaces it. */
  resolve(direction: Direction, resolution: Resolution): Promise<void>
  resolutions(direction: Direction): Promise<readonly Resolution[]>
  /** Idempotent: the same content of the same side is kept once. */
  keep(direction: Direction, content: KeptContent): Promise<void>
  /** It stands where it stood after all, so nothing was put aside. */
  discard(direction: Direction, content: Omit<KeptContent, 'kind' | 'body' | 'at'>): Promise<void>
  /** Newest first. */
  kept(direction: Direction, object?: string): Promise<readonly KeptContent[]>
}

export type Side = 'source' | 'target'

/** `both`: neither is touched, and the two stay different. */
export type Keep = Side | 'both'

/** Holds only for the content it was made for: another digest is another conflict. */
export interface Resolution {
  /** `formatObjectId` text. */
  readonly object: string
  readonly keep: Keep
  readonly sourceDigest: string | null
  readonly targetDigest: string | null
  /** ISO 8601 UTC. */
  readonly at: string
}

export interface KeptContent {
  readonly object: string
  readonly kind: string
  /** Whose content it is. */
  readonly side: Side
  readonly digest: string
  /** The document without what a service makes itself; of a blob, where its bytes are. */
  readonly body: JsonObject
  readonly at: string
}
