import { startTestBlobServer } from './test-blob-server.ts'

/** A Blob server in a process of its own, to be killed: argument 1 is the data directory. */
const [, , dataDir = ''] = process.argv
const server = await startTestBlobServer({ dataDir })
const account = server.account('crashing')
process.stdout.write(`${JSON.stringify(account)}\n`)
