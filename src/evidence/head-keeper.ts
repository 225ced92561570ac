import type { AuditEntry } from './audit-entry.ts'
import { type AuditHead, readHead, signHead, writeHead } from './audit-head.ts'
import type { SigningKey } from './signing-key.ts'

/** Keeps the head of this controller in its state directory. */
export interface HeadKeeper {
  head(): AuditHead | undefined
  /**
   * `leadsOn`: the table still holds the entry of the head that was kept before. When it does not,
   * entries were changed or cut off; the head stays then, because it is what proves that.
   */
  advance(entry: AuditEntry, leadsOn: boolean): Promise<void>
  /** The table does not lead on from the head. */
  isContradicted(): boolean
  /** Why the newest head is not in its file; null: it is. The next entry tries again. */
  unwritten(): string | null
}

export async function openHeadKeeper(stateDir: string, key: SigningKey): Promise<HeadKeeper> {
  let head = await readHead(stateDir)
  let contradicted = false
  let unwritten: string | null = null
  let writing: Promise<void> = Promise.resolve()
  // The entry is kept already, and what it tells of goes on: a full disk must not stop a failover.
  const write = async () => {
    try {
      if (head !== undefined) await writeHead(stateDir, head)
      unwritten = null
    } catch (error) {
      unwritten = error instanceof Error ? error.message : String(error)
    }
  }
  return {
    head: () => head,
    isContradicted: () => contradicted,
    unwritten: () => unwritten,
    advance: async (entry, leadsOn) => {
      contradicted ||= !leadsOn
      if (contradicted) return
      // Entries that were kept together may arrive here in another order.
      if (entry.seq > (head?.seq ?? 0)) head = signHead(entry, key)
      writing = writing.then(write)
      await writing
    },
  }
}
