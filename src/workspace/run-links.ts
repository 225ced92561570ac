import type { RunOrigin } from './workspace.ts'

/**
 * Which run or logged model is the copy of which, for services that mint their ids. Permanent: a link is never
 * changed, so that an id written down years ago still leads to its run. The table can be lost: each
 * copy carries its origin (I10).
 */
export interface RunLinks {
  /**
   * What these runs of member `from` are called at member `to`, whichever of the two was the original;
   * unknown ones are missing from the map.
   */
  find(
    group: string,
    from: string,
    to: string,
    runIds: readonly string[],
  ): Promise<Map<string, string>>
  /** Adds; a link that is known already stays as it is. */
  add(group: string, links: readonly RunLink[]): Promise<void>
  /** Every link that names this run id, on either side. */
  resolve(group: string, runId: string): Promise<readonly RunLink[]>
}

export interface RunLink {
  readonly origin: RunOrigin
  readonly copy: RunOrigin
}
