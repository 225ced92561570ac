import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ContinuityPlan } from '../src/plan/continuity-plan.ts'
import { defaultStrategies } from '../src/plan/strategy-of.ts'
import { startRegionProcess } from '../src/region/testing/region-process.ts'
import { regionClient, settled } from '../src/region/testing/test-region.ts'
import { openAzureMlWorkspace } from '../src/workspace/azureml/azureml-workspace.ts'
import type { FillSize } from './region-fill.ts'

export const holdfast = fileURLToPath(new URL('../dist/holdfast.js', import.meta.url))
const workspaceId = (name: string) =>
  `/subscriptions/s1/resourceGroups/rg1/providers/Microsoft.MachineLearningServices/workspaces/${name}`

export type BenchRegion = Awaited<ReturnType<typeof openRegion>>

/** A region in a process of its own, with one workspace that `fill` has filled. */
export async function openRegion(
  dataDir: string,
  name: string,
  fill?: (dataDir: string, workspaceId: string) => Promise<void>,
) {
  const id = workspaceId(name)
  const first = await startRegionProcess(dataDir, [holdfast])
  const { call, close } = regionClient(first.cloudFile)
  const body = { location: 'eastus', properties: {} }
  await settled(call, await call('PUT', `${id}?api-version=2025-12-01`, { body }))
  await close()
  await first.stop()
  await fill?.(dataDir, id)
  const region = await startRegionProcess(dataDir, [holdfast])
  const workspace = await openAzureMlWorkspace({
    ...{ name, workspaceId: id, cloud: region.cloudFile, folder: dataDir },
  })
  return {
    workspace,
    ...{ id, dataDir, cloudFile: region.cloudFile },
    cpuMs: region.cpuMs,
    close: async () => {
      await workspace.close()
      await region.stop()
    },
  }
}

/** In a process of its own: what it needs in memory is not the replicating process's. */
export async function fillInChild(dataDir: string, id: string, size: FillSize): Promise<void> {
  const script = fileURLToPath(new URL('fill-region.ts', import.meta.url))
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', script, dataDir, id, JSON.stringify(size)],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`the region was not filled: ${code}`)
}

/** A plan of two regions; nothing but where they are matters here. */
export const planOf = (
  folder: string,
  members: Readonly<Record<string, Pick<BenchRegion, 'id' | 'cloudFile'>>>,
): ContinuityPlan => ({
  ...{ apiVersion: 'holdfast/v1', group: 'bench', folder, conflicts: [], deletions: 'archive' },
  objectives: { rtoMs: 1, rpoMs: 1 },
  members: Object.entries(members).map(([name, { id, cloudFile }], i) => ({
    ...{ name, workspace: id, cloud: cloudFile },
    role: i === 0 ? 'primary' : 'secondary',
  })),
  ...{ strategies: defaultStrategies, map: {}, endpoints: [], jobs: { resubmit: 'none' } },
  decide: { automatic: false, graceMs: 1, cooldownMs: 1, vantagePoints: [] },
  notify: [],
  drill: { everyMs: 1, jobs: 'none', automatic: false, window: null },
})
