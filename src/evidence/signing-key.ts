import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { HoldfastError } from '../model/errors.ts'

/** Signs what leaves the controller as evidence (Ed25519). */
export interface SigningKey {
  readonly keyId: string
  /** PEM, for whoever checks. */
  readonly publicKey: string
  /** Base64. */
  sign(text: string): string
}

const keyFile = 'evidence-key.pem'
export const publicKeyFile = 'evidence-key.pub'

/**
 * The key of a state directory, for its owner only; made at the first start. Throws
 * `evidence.bad-key` (operator) when the file is there and is none.
 */
export async function readOrMakeSigningKey(stateDir: string): Promise<SigningKey> {
  await mkdir(stateDir, { recursive: true, mode: 0o700 })
  const path = join(stateDir, keyFile)
  const made = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })
  await writeFile(path, made, { mode: 0o600, flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  const text = await readFile(path, 'utf8')
  try {
    const key = signingKey(createPrivateKey(text))
    // For checks without a controller, by anybody.
    await writeFile(join(stateDir, publicKeyFile), key.publicKey)
    return key
  } catch (cause) {
    throw new HoldfastError('evidence.bad-key', 'The signing key of the controller is unusable.', {
      kind: 'operator',
      place: path,
      hint: 'Restore the file. Without it, delete it: a new key is made, and old signatures are checked with the old public key.',
      cause,
    })
  }
}

function signingKey(privateKey: KeyObject): SigningKey {
  const publicKey = createPublicKey(privateKey)
  return {
    keyId: keyIdOf(publicKey),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    sign: (text) => sign(null, Buffer.from(text), privateKey).toString('base64'),
  }
}

export interface PublicKey {
  readonly keyId: string
  verifies(text: string, signature: string): boolean
}

/** From PEM; throws `evidence.bad-public-key` (operator). */
export function readPublicKey(pem: string): PublicKey {
  const key = parsePublicKey(pem)
  return {
    keyId: keyIdOf(key),
    verifies: (text, signature) =>
      verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64')),
  }
}

function parsePublicKey(pem: string): KeyObject {
  try {
    const key = createPublicKey(pem)
    if (key.asymmetricKeyType === 'ed25519') return key
  } catch {
    // Whatever it is, it is no key that verifies.
  }
  throw new HoldfastError('evidence.bad-public-key', 'This is no Ed25519 public key in PEM.', {
    kind: 'operator',
    hint: 'Print the one of the controller: holdfast audit key',
  })
}

/** The first half of the SHA-256 of the key in DER: enough to tell keys apart, short enough to read. */
function keyIdOf(publicKey: KeyObject): string {
  const der = publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(der).digest('hex').slice(0, 32)
}
