import { createHash, randomBytes } from 'node:crypto'

/** 256 random bits: there is nothing to guess, so that one plain hash keeps it. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** What is stored of a secret: whoever reads the table gets none out of it. */
export function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}
