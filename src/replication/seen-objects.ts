import { createHash } from 'node:crypto'

/** Which objects a full pass met, in a few bytes each: a workspace may hold millions. */
export interface SeenObjects {
  add(object: string): void
  /** Wrong only by a collision of 48 bits, and then in the safe direction: taken for met. */
  has(object: string): boolean
}

export function seenObjects(): SeenObjects {
  const hashes = new Set<number>()
  const hashOf = (object: string) => createHash('sha256').update(object).digest().readUIntBE(0, 6)
  return {
    add: (object) => void hashes.add(hashOf(object)),
    has: (object) => hashes.has(hashOf(object)),
  }
}
