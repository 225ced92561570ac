import { type AuditEntry, firstHash, hashOf } from './audit-entry.ts'
import { type AuditHead, isSignedHead } from './audit-head.ts'
import type { PublicKey } from './signing-key.ts'

export interface AuditVerdict {
  readonly entries: number
  readonly lastSeq: number
  readonly lastHash: string
  /** Heads that were compared with the table. */
  readonly headsChecked: number
  /** Signed by keys that were not given, so they prove nothing here. */
  readonly headsOfOthers: readonly string[]
  /** The first that does not hold. */
  readonly broken: BrokenAudit | null
}

export interface BrokenAudit {
  readonly seq: number
  readonly code: 'changed' | 'missing' | 'moved' | 'cut-off' | 'rewritten' | 'head-forged'
  readonly sentence: string
}

export interface NamedHead {
  readonly head: AuditHead
  /** Where it was found. */
  readonly from: string
}

/** Reads the whole chain, oldest first, and holds it against the signed heads. */
export async function verifyAudit(
  entries: AsyncIterable<AuditEntry>,
  heads: readonly NamedHead[],
  keys: readonly PublicKey[],
): Promise<AuditVerdict> {
  const known = heads.filter(({ head }) => keys.some(({ keyId }) => keyId === head.keyId))
  const broken = new Lowest()
  for (const named of known) broken.note(forgedHead(named, keys))
  const wanted = new Map(known.map((named) => [named.head.seq, named]))
  let last = { seq: 0, hash: firstHash }
  let count = 0
  for await (const entry of entries) {
    count += 1
    broken.note(brokenLink(last, entry))
    broken.note(otherThanHead(entry, wanted.get(entry.seq)))
    last = entry
  }
  for (const named of known) broken.note(beyondEnd(last.seq, named))
  return {
    ...{ entries: count, lastSeq: last.seq, lastHash: last.hash },
    headsChecked: known.length,
    headsOfOthers: heads.filter((named) => !known.includes(named)).map(({ from }) => from),
    broken: broken.found,
  }
}

class Lowest {
  found: BrokenAudit | null = null
  note(broken: BrokenAudit | null): void {
    if (broken === null) return
    if (this.found === null || broken.seq < this.found.seq) this.found = broken
  }
}

function brokenLink(last: Pick<AuditEntry, 'seq' | 'hash'>, entry: AuditEntry): BrokenAudit | null {
  const { seq } = entry
  if (seq !== last.seq + 1) {
    const missing = last.seq + 1
    return broke(missing, 'missing', `Entry ${missing} is gone; ${seq} follows ${last.seq}.`)
  }
  if (hashOf(entry) !== entry.hash) {
    return broke(seq, 'changed', `Entry ${seq} is not what was written: its hash does not match.`)
  }
  if (entry.previousHash === last.hash) return null
  return broke(seq, 'moved', `Entry ${seq} did not follow the one that stands before it.`)
}

function otherThanHead(entry: AuditEntry, named: NamedHead | undefined): BrokenAudit | null {
  if (named === undefined || named.head.hash === entry.hash) return null
  return broke(
    entry.seq,
    'rewritten',
    `Entry ${entry.seq} is another one than the head in ${named.from} was signed for.`,
  )
}

function beyondEnd(lastSeq: number, { head, from }: NamedHead): BrokenAudit | null {
  if (head.seq <= lastSeq) return null
  return broke(
    lastSeq + 1,
    'cut-off',
    `Entries ${lastSeq + 1} to ${head.seq} are gone; the head in ${from} was signed when they stood.`,
  )
}

function forgedHead({ head, from }: NamedHead, keys: readonly PublicKey[]): BrokenAudit | null {
  const key = keys.find(({ keyId }) => keyId === head.keyId)
  if (key === undefined || isSignedHead(head, key)) return null
  return broke(head.seq, 'head-forged', `The head in ${from} does not bear its key's signature.`)
}

function broke(seq: number, code: BrokenAudit['code'], sentence: string): BrokenAudit {
  return { seq, code, sentence }
}
