import { startAzurite } from './testing/azurite.ts'
import { describeBlobContract } from './testing/blob-contract.ts'
import { describeBlobHistoryContract } from './testing/blob-history-contract.ts'
import { startTestBlobServer } from './testing/test-blob-server.ts'

describeBlobContract('local region', {
  async start() {
    const servers = [await startTestBlobServer(), await startTestBlobServer()] as const
    return {
      one: servers[0].account('oneaccount'),
      two: servers[1].account('twoaccount'),
      async stop() {
        for (const server of servers) await server.stop()
      },
    }
  },
  exceptions: [],
})

const absent = 'Azurite answers 501'
describeBlobContract('Azurite', {
  start: startAzurite,
  exceptions: [
    { test: 'put a blob from a URL', reason: absent },
    { test: 'put blocks from ranges of a URL', reason: absent },
    { test: 'have no range behind their end', reason: 'Azurite answers 206 with no bytes' },
    { test: 'are refused when the checksum does not match', reason: 'Azurite has its own code' },
    { test: 'do not repeat the signature of their source', reason: 'Azurite repeats it' },
  ],
})

describeBlobHistoryContract('local region', {
  async start() {
    const server = await startTestBlobServer()
    const one = server.account('oneaccount')
    return {
      one,
      two: one,
      stop: () => server.stop(),
      setPolicies: async (policies) => server.policies.set(policies),
    }
  },
  exceptions: [],
})

const offInAzurite = 'Azurite stores the setting and keeps nothing'
describeBlobHistoryContract('Azurite', {
  start: startAzurite,
  exceptions: [
    { part: 'pages', reason: 'pages of Azurite skip snapshots' },
    { part: 'versions', reason: 'Azurite has none' },
    { part: 'soft delete of blobs', reason: offInAzurite },
    { part: 'soft delete of versions', reason: offInAzurite },
    { part: 'soft delete of containers', reason: offInAzurite },
  ],
})
