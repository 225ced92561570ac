import type { Place } from '../model/place.ts'

/**
 * An address that outlives the region behind it. `open-endpoints.ts` makes one for each entry of the
 * plan; `testing/endpoint-contract.ts` is what each of them passes.
 */
export interface StableEndpoint {
  /** For messages: `config.json`, `gateway scoring`. */
  readonly name: string
  /** Who it leads to now, read from the world; undefined: nobody yet. */
  current(options?: { readonly signal?: AbortSignal }): Promise<StablePointer | undefined>
  /**
   * Refuses an epoch lower than the current one, or another member in the same one, with
   * `epoch.stale` (I1). Idempotent. An endpoint that carries requests asks from outside whether they
   * arrive, and goes back to what it was when they do not (`traffic.undone`).
   */
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
