// x509's dependency injection needs it before x509 itself is loaded.
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import * as x509 from '@peculiar/x509'

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const
const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const
const dayMs = 86_400_000

/** What a TLS listener needs, and the CA that clients and child processes trust. */
export interface ServerCertificate {
  readonly key: string
  readonly cert: string
  /** The CA's PEM file. */
  readonly caPath: string
  /** The CA and the public authorities in one file, for clients that trust one file only. */
  readonly caBundlePath: string
  readonly ca: string
}

/**
 * The local CA of `caDir`, made when missing, and a fresh server certificate signed by it. Several
 * regions may share one `caDir`, so that whoever trusts it trusts them all (also each other).
 * `addresses` are IP addresses besides loopback that it also stands for.
 */
export async function serverCertificate(
  caDir: string,
  now: Date,
  addresses: readonly string[] = [],
): Promise<ServerCertificate> {
  const ca = await certificateAuthority(caDir, now)
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=Holdfast local region',
    issuer: ca.certificate.subject,
    notBefore: new Date(now.getTime() - dayMs),
    notAfter: new Date(now.getTime() + 820 * dayMs),
    signingAlgorithm,
    publicKey: keys.publicKey,
    signingKey: ca.key,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        ...hostNames.map((value) => ({ type: 'dns' as const, value })),
        ...[...new Set(['127.0.0.1', '::1', ...addresses])].map((value) => ({
          type: 'ip' as const,
          value,
        })),
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(ca.certificate),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return {
    key: await privateKeyPem(keys.privateKey),
    cert: certificate.toString('pem'),
    caPath: ca.path,
    caBundlePath: writeBundle(caDir, ca.certificate.toString('pem')),
    ca: ca.certificate.toString('pem'),
  }
}

function writeBundle(caDir: string, ca: string): string {
  const path = join(caDir, 'ca-bundle.pem')
  const draft = `${path}.${webcrypto.randomUUID()}`
  writeFileSync(draft, `${[ca, ...rootCertificates].join('\n')}\n`)
  renameSync(draft, path)
  return path
}

/** Names clients build themselves: storage accounts, vaults and scoring hosts are host prefixes. */
const hostNames = [
  'localhost',
  '*.localhost',
  '*.vault.localhost',
  '*.azurecr.localhost',
  '*.inference.localhost',
  '*.blob.localhost',
  '*.file.localhost',
  '*.blob.core.localhost',
  '*.file.core.localhost',
  '*.dfs.core.localhost',
]

interface CertificateAuthority {
  readonly certificate: x509.X509Certificate
  readonly key: webcrypto.CryptoKey
  readonly path: string
}

async function certificateAuthority(caDir: string, now: Date): Promise<CertificateAuthority> {
  mkdirSync(caDir, { recursive: true, mode: 0o700 })
  const keyPath = join(caDir, 'ca-key.pem')
  if (!existsSync(keyPath)) await createAuthority(caDir, keyPath, now)
  // Key and certificate are in one file, so that they can never belong to different authorities.
  const both = readFileSync(keyPath, 'utf8')
  const blocks = x509.PemConverter.decode(both)
  const [keyBytes, certificateBytes] = blocks
  if (!keyBytes || !certificateBytes) throw new Error(`${keyPath} holds no key and certificate`)
  const certificate = new x509.X509Certificate(certificateBytes)
  const key = await webcrypto.subtle.importKey('pkcs8', keyBytes, keyAlgorithm, false, ['sign'])
  const path = join(caDir, 'ca.pem')
  if (!existsSync(path)) writeFileSync(path, `${certificate.toString('pem')}\n`)
  return { certificate, key, path }
}

async function createAuthority(caDir: string, keyPath: string, now: Date): Promise<void> {
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=Holdfast local CA ${webcrypto.randomUUID().slice(0, 8)}`,
    notBefore: new Date(now.getTime() - dayMs),
    notAfter: new Date(now.getTime() + 3650 * dayMs),
    signingAlgorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  const draft = join(caDir, `.${webcrypto.randomUUID()}.pem`)
  const pem = `${await privateKeyPem(keys.privateKey)}\n${certificate.toString('pem')}\n`
  writeFileSync(draft, pem, { mode: 0o600 })
  try {
    linkSync(draft, keyPath)
  } catch (error) {
    // Another region that shares the folder was first: its authority is the one to use.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(draft)
  }
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')
}
