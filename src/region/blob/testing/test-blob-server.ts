import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AzureError, type TokenAuthority } from '../../context.ts'
import { openDatabase } from '../../store/database.ts'
import { openBlobEngine, type ServedBlobEngine } from '../blob-engine.ts'
import { type BlobServerOptions, blobRequestHandler } from '../blob-server.ts'
import type { BlobAccount } from './blob-contract.ts'
import { steeredPolicies } from './steered-policies.ts'

export interface TestBlobServer {
  readonly engine: ServedBlobEngine
  readonly policies: ReturnType<typeof steeredPolicies>
  readonly origin: string
  readonly dataDir: string
  account(name: string): BlobAccount
  stop(): Promise<void>
}

/** The Blob service alone, on plain HTTP unless told otherwise, in a temporary folder. */
export async function startTestBlobServer(
  options: Partial<BlobServerOptions> & {
    /** Kept at the end when given. */
    readonly dataDir?: string
    readonly tls?: { readonly key: string; readonly cert: string }
  } = {},
): Promise<TestBlobServer> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'holdfast-blob-'))
  const db = openDatabase(dataDir)
  const clock = options.clock ?? (() => new Date())
  let origin = ''
  const policies = steeredPolicies()
  const engine = openBlobEngine({ db, dataDir, clock, storageOrigin: () => origin, policies })
  const nothing = () => undefined
  const log = { info: nothing, warn: nothing, error: console.error }
  const handler = blobRequestHandler({ authority: oneToken, log, ...options, engine, clock })
  const server =
    options.tls === undefined ? createServer(handler) : createTlsServer(options.tls, handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const scheme = options.tls === undefined ? 'http' : 'https'
  origin = `${scheme}://localhost:${(server.address() as AddressInfo).port}`
  return {
    engine,
    policies,
    origin,
    dataDir,
    account: (name) => ({
      name,
      key: engine.ensureAccount(name).keys[0],
      url: `${origin}/${name}`,
    }),
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      db.close()
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** Knows one token, for the storage audience. */
const oneToken: TokenAuthority = {
  tenantId: '11111111-2222-3333-4444-555555555555',
  async verify(header, audiences) {
    if (header === 'Bearer good' && audiences.includes('https://storage.azure.com')) {
      return { objectId: 'o', displayName: 'tester', tenantId: this.tenantId }
    }
    throw new AzureError(401, 'InvalidAuthenticationToken', 'The access token is invalid.')
  },
  async issueForIdentity() {
    return 'good'
  },
}
