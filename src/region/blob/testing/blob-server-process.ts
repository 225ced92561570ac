import { startTestBlobServer } from './test-blob-server.ts'

/** A Blob server in a process of its own, to be killed: data directory, and `versions` to keep them. */
const [, , dataDir = '', kept] = process.argv
const server = await startTestBlobServer({ dataDir })
server.policies.set({ isVersioningEnabled: kept === 'versions' })
const account = server.account('crashing')
process.stdout.write(`${JSON.stringify(account)}\n`)
