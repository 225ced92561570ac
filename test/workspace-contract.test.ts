import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeRegistry } from '../src/region/testing/image-client.ts'
import { settled, startTestRegion } from '../src/region/testing/test-region.ts'
import { openAzureMlWorkspace } from '../src/workspace/azureml/azureml-workspace.ts'
import { describeWorkspaceContract } from '../src/workspace/testing/workspace-contract.ts'

/** The adapter of Azure ML, over REST, against a running local region. */
describeWorkspaceContract('azureml, on a local region', {
  create: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-contract-'))
    const region = await startTestRegion({ name: 'eastus', caDir: join(folder, 'ca') })
    const id =
      '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/contract'
    const group = id.split('/').slice(0, 5).join('/')
    const location = 'eastus'
    await region.call('PUT', `${group}?api-version=2022-09-01`, { body: { location } })
    const containerRegistry = await makeRegistry(region, group, 'contract')
    const made = await region.call('PUT', `${id}?api-version=2025-12-01`, {
      body: { location, identity: { type: 'SystemAssigned' }, properties: { containerRegistry } },
    })
    await settled(region.call, made)
    const workspace = await openAzureMlWorkspace({
      ...{ name: 'contract', workspaceId: id, cloud: region.region.cloudFile, folder },
    })
    return {
      workspace,
      close: async () => {
        await workspace.close()
        await region.stop()
        rmSync(folder, { recursive: true, force: true })
      },
    }
  },
})
