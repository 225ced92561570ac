import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { canonicalJson } from '../model/canonical.ts'
import { HoldfastError } from '../model/errors.ts'
import { isAbsent, writeAtomically } from '../store/write-atomically.ts'
import type { AuditEntry } from './audit-entry.ts'
import type { PublicKey, SigningKey } from './signing-key.ts'

/**
 * The newest entry, signed and kept outside the table: whoever cuts entries off its end cannot cut
 * them out of this.
 */
export interface AuditHead {
  readonly seq: number
  readonly hash: string
  readonly at: string
  readonly keyId: string
  readonly signature: string
}

export function signHead({ seq, hash, at }: AuditEntry, key: SigningKey): AuditHead {
  const { keyId } = key
  const head = { seq, hash, at, keyId }
  return { ...head, signature: key.sign(headText(head)) }
}

export function isSignedHead(head: AuditHead, key: PublicKey): boolean {
  return key.verifies(headText(head), head.signature)
}

const headText = ({ seq, hash, at, keyId }: Omit<AuditHead, 'signature'>): string =>
  canonicalJson({ purpose: 'holdfast/audit-head/v1', seq, hash, at, keyId })

const headFile = (stateDir: string) => join(stateDir, 'audit-head.json')

/** Undefined before the first entry. Throws `audit.bad-head` (operator). */
export async function readHead(stateDir: string): Promise<AuditHead | undefined> {
  const path = headFile(stateDir)
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isAbsent(error)) return undefined
    throw error
  })
  return text === undefined ? undefined : parseHead(text, path)
}

export async function writeHead(stateDir: string, head: AuditHead): Promise<void> {
  await writeAtomically(headFile(stateDir), `${JSON.stringify(head)}\n`, { mode: 0o600 })
}

/** A head, or anything signed that holds one as `auditHead`. */
export function parseHead(text: string, place: string): AuditHead {
  try {
    const document = JSON.parse(text) as AuditHead & { readonly auditHead?: AuditHead }
    const head = document.auditHead ?? document
    const { seq, hash, signature } = head
    if (Number.isInteger(seq) && typeof hash === 'string' && typeof signature === 'string') {
      return head
    }
  } catch {
    // Said below, as for JSON that is no head.
  }
  throw new HoldfastError('audit.bad-head', 'This file is no head of an audit log.', {
    kind: 'operator',
    place,
    hint: 'Compare it with a copy. If it is lost, delete it; entries cut off before then are found only by heads kept elsewhere, in signed reports for instance.',
  })
}
