import type { Place } from '../model/place.ts'

/** An address that outlives the region behind it. Drivers: workspace config file, gateway. */
export interface StableEndpoint {
  /** For messages: `config.json`, `gateway scoring`. */
  readonly name: string
  /** Who it leads to now, read from the world; undefined: nobody yet. */
  current(options?: { readonly signal?: AbortSignal }): Promise<StablePointer | undefined>
  /** Atomic. Refuses an epoch lower than the current one with `epoch.stale` (I1). Idempotent. */
  switchTo(
    pointer: StablePointer,
    target: StableTarget,
    options?: { readonly signal?: AbortSignal },
  ): Promise<void>
  /** Asks from outside that it really leads there; throws `traffic.not-switched` otherwise. */
  verify(pointer: StablePointer, options?: { readonly signal?: AbortSignal }): Promise<void>
}

export interface StablePointer {
  readonly member: string
  readonly epoch: number
}

/** What a driver needs to know of the member it leads to, and of the other for failover of requests. */
export interface StableTarget {
  readonly place: Place
  /** Local regions sign with their own CA; path of the PEM. */
  readonly caPath?: string
}
