import { createHash } from 'node:crypto'
import { canonicalJson } from '../model/canonical.ts'
import { HoldfastError } from '../model/errors.ts'
import type { Json } from '../model/json.ts'
import type { AuditHead } from './audit-head.ts'
import type { PublicKey, SigningKey } from './signing-key.ts'

/** What a report was made with and by: whoever checks it may not have been there. */
export interface ReportEnvironment {
  readonly holdfast: string
  readonly node: string
  readonly platform: string
  /** Server version. */
  readonly database: string
  readonly planDigest: string
  readonly members: readonly { readonly name: string; readonly workspace: string }[]
}

/** Detached: lies beside the report as `….json.sig`. */
export interface ReportSignature {
  readonly schema: 'holdfast/report-signature/v1'
  readonly run: string
  readonly group: string
  readonly signedAt: string
  readonly keyId: string
  /** SHA-256 in hex over the bytes of the files. */
  readonly jsonSha256: string
  readonly htmlSha256: string
  /** The newest entry of the audit log when it was signed; null: nothing was noted before. */
  readonly auditHead: AuditHead | null
  readonly environment: ReportEnvironment
  /** Ed25519, base64, over all of the above as JSON with sorted keys. */
  readonly signature: string
}

export function signReport(
  facts: Pick<ReportSignature, 'run' | 'group' | 'signedAt' | 'auditHead' | 'environment'>,
  content: { readonly json: string; readonly html: string },
  key: SigningKey,
): ReportSignature {
  const unsigned = {
    schema: 'holdfast/report-signature/v1' as const,
    ...facts,
    keyId: key.keyId,
    jsonSha256: sha256(content.json),
    htmlSha256: sha256(content.html),
  }
  return { ...unsigned, signature: key.sign(signedText(unsigned)) }
}

export interface ReportVerdict {
  readonly run: string
  readonly keyId: string
  readonly json: FileVerdict
  readonly html: FileVerdict
  readonly signature: 'valid' | 'forged'
}
type FileVerdict = 'whole' | 'changed' | 'absent'

export function verifyReport(
  signed: ReportSignature,
  files: { readonly json?: Uint8Array; readonly html?: Uint8Array },
  key: PublicKey,
): ReportVerdict {
  const { run, keyId, signature, ...rest } = signed
  const valid = key.verifies(signedText({ run, keyId, ...rest }), signature)
  return {
    ...{ run, keyId },
    json: compare(files.json, signed.jsonSha256),
    html: compare(files.html, signed.htmlSha256),
    signature: valid ? 'valid' : 'forged',
  }
}

/** Throws `report.bad-signature-file` (operator). */
export function parseSignature(text: string, place: string): ReportSignature {
  try {
    const document = JSON.parse(text) as ReportSignature
    if (document.schema === 'holdfast/report-signature/v1') return document
  } catch {
    // Said below.
  }
  throw new HoldfastError('report.bad-signature-file', 'This is no signature of a report.', {
    kind: 'operator',
    place,
    hint: 'It lies beside the report as ….json.sig; have it anew with `holdfast report save OPERATION`.',
  })
}

function compare(bytes: Uint8Array | undefined, wanted: string): FileVerdict {
  if (bytes === undefined) return 'absent'
  return sha256(bytes) === wanted ? 'whole' : 'changed'
}

const sha256 = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex')

function signedText(unsigned: Omit<ReportSignature, 'signature'>): string {
  return canonicalJson(unsigned as unknown as Json)
}
