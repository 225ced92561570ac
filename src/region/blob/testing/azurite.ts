import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BlobSubject } from './blob-contract.ts'

interface AzuriteServer {
  start(): Promise<void>
  close(): Promise<void>
  getHttpServerAddress(): string
}
interface AzuriteModule<T> {
  readonly default: new (...options: readonly unknown[]) => T
}

/** Azurite, in this process and in memory: the reference that the contract is checked against. */
export async function startAzurite(): Promise<BlobSubject> {
  const require = createRequire(import.meta.url)
  const names = ['oneaccount', 'twoaccount'] as const
  const keys = names.map(() => randomBytes(64).toString('base64'))
  // Azurite reads its accounts from the environment when it starts.
  process.env.AZURITE_ACCOUNTS = names.map((name, i) => `${name}:${keys[i]}`).join(';')
  const {
    default: Configuration,
  }: AzuriteModule<object> = require('azurite/dist/src/blob/BlobConfiguration.js')
  const {
    default: Server,
  }: AzuriteModule<AzuriteServer> = require('azurite/dist/src/blob/BlobServer.js')
  const server = new Server(new Configuration(...configuration()))
  await server.start()
  const account = (index: 0 | 1) => ({
    name: names[index],
    key: keys[index] ?? '',
    url: `${server.getHttpServerAddress()}/${names[index]}`,
  })
  return {
    one: account(0),
    two: account(1),
    async stop() {
      await server.close()
      delete process.env.AZURITE_ACCOUNTS
    },
  }
}

/** Positional, in the order of Azurite's constructor. */
function configuration(): unknown[] {
  const unused = join(tmpdir(), 'azurite-is-in-memory')
  const keepAliveSeconds = 5
  const noTls = ['', '', '']
  const skipApiVersionCheck = true
  const accessLog = [false, undefined]
  const debugLog = [false, undefined]
  const isInMemory = true
  return [
    '127.0.0.1',
    0,
    keepAliveSeconds,
    unused,
    unused,
    [],
    ...accessLog,
    ...debugLog,
    false,
    skipApiVersionCheck,
    ...noTls,
    undefined,
    true,
    isInMemory,
    undefined,
  ]
}
