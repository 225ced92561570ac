import { join } from 'node:path'
import { settled, startTestRegion, type TestRegion } from '../../src/region/testing/test-region.ts'
import { openAzureMlWorkspace } from '../../src/workspace/azureml/azureml-workspace.ts'
import type { Workspace } from '../../src/workspace/workspace.ts'

/** A local region with one workspace, and both ways to look at it. */
export interface Side {
  readonly region: TestRegion
  readonly workspace: Workspace
  readonly workspaceId: string
  readonly location: string
  stop(): Promise<void>
}

/** Jobs of a collection wait in the queue: nobody wants to run what strangers wrote. */
export async function startSide(member: string, location: string, folder: string): Promise<Side> {
  const region = await startTestRegion({
    name: location,
    caDir: join(folder, 'ca'),
    dataDir: join(folder, member),
    jobSlots: 0,
  })
  const workspaceId = await makeWorkspace(region, member, location)
  const workspace = await openAzureMlWorkspace({
    name: member,
    workspaceId,
    cloud: region.region.cloudFile,
    folder,
  })
  return {
    region,
    workspace,
    workspaceId,
    location,
    async stop() {
      await workspace.close()
      await region.stop()
    },
  }
}

async function makeWorkspace(
  region: TestRegion,
  member: string,
  location: string,
): Promise<string> {
  const group = `/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-${member}`
  const id = `${group}/providers/Microsoft.MachineLearningServices/workspaces/ws-${member}`
  await region.call('PUT', `${group}?api-version=2022-09-01`, { body: { location } })
  const made = await region.call('PUT', `${id}?api-version=2025-12-01`, {
    body: { location, identity: { type: 'SystemAssigned' }, properties: {} },
  })
  await settled(region.call, made)
  return id
}
