import { isDeepStrictEqual } from 'node:util'
import { HoldfastError, isCode } from '../../model/errors.ts'
import { refuseStale } from '../epoch-guard.ts'
import type { StableEndpoint } from '../stable-endpoint.ts'
import { notSwitched } from '../traffic-errors.ts'
import {
  type ConfigDocument,
  isComplete,
  leadingTo,
  parseDocument,
  pointerIn,
} from './config-document.ts'

/** What was read, and which version of it; the version is the store's own affair. */
export interface Stored<Version> {
  readonly document: ConfigDocument
  readonly version: Version
}

export interface StoreOptions {
  readonly signal?: AbortSignal | undefined
}

/** One small document that somebody's programs read to find the workspace. */
export interface DocumentStore<Version> {
  /** For messages. */
  readonly name: string
  /**
   * Undefined: it is not there. Throws `traffic.config-unreadable` when it is there and is no
   * document: it is somebody's, and is not overwritten.
   */
  read(options: StoreOptions): Promise<Stored<Version> | undefined>
  /**
   * Replaces what was read, as one change that readers see whole or not at all. Throws
   * `traffic.changed` when it is no longer what was read (`undefined`: when it is there by now);
   * a service without conditional writes says so in its driver's comment.
   */
  write(
    document: ConfigDocument,
    seen: Stored<Version> | undefined,
    options: StoreOptions & { readonly reason: string },
  ): Promise<void>
}

/** More writers than this at the same instant are no coincidence. */
const attempts = 5

/**
 * Leads by a document. It carries no requests, so the look from outside is to read it again as its
 * readers do; there is nothing to undo, because each change happens whole or not at all.
 */
export function documentEndpoint<Version>(store: DocumentStore<Version>): StableEndpoint {
  const { name } = store
  return {
    name,

    async current({ signal } = {}) {
      return pointerIn((await store.read({ signal }))?.document)
    },

    async switchTo(pointer, { place }, { signal } = {}) {
      const reason = `Lead to ${pointer.member} in epoch ${pointer.epoch}`
      for (let attempt = 1; ; attempt++) {
        const seen = await store.read({ signal })
        refuseStale(pointerIn(seen?.document), pointer, name)
        const next = leadingTo(pointer, place, seen?.document)
        if (isDeepStrictEqual(seen?.document, next)) return
        signal?.throwIfAborted()
        try {
          await store.write(next, seen, { signal, reason })
          return
        } catch (error) {
          if (!isCode(error, 'traffic.changed') || attempt === attempts) throw error
        }
      }
    },

    async verify(pointer, { signal } = {}) {
      const document = (await store.read({ signal }))?.document
      const found = pointerIn(document)
      const isThere = found?.member === pointer.member && found.epoch === pointer.epoch
      if (isThere && isComplete(document)) return
      throw notSwitched(
        name,
        found === undefined
          ? 'It does not say where it leads.'
          : `It leads to ${found.member} in epoch ${found.epoch}, not to ${pointer.member} in epoch ${pointer.epoch}.`,
      )
    },
  }
}

/** Throws `traffic.config-unreadable` for a text that is no JSON object. */
export function readDocument(text: string, place: string): ConfigDocument {
  const document = parseDocument(text)
  if (document === undefined) throw configUnreadable(place, undefined)
  return document
}

export function configUnreadable(place: string, cause: unknown): HoldfastError {
  return new HoldfastError('traffic.config-unreadable', 'It is not a readable JSON object.', {
    kind: 'operator',
    place,
    hint: 'Repair it, or move it away: it is then written anew.',
    cause,
  })
}
