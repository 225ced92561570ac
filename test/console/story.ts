import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ApiClient, createClient } from '../../src/api/client.ts'
import type { Workspace } from '../../src/workspace/workspace.ts'
import {
  createProtectedPair,
  type ProtectedPair,
  type RegionPair,
  startRegionPair,
} from '../faults/protected-pair.ts'

/** A sweep and its two trials, with series long enough to be seen as lines. */
async function writeRunHistory(workspace: Workspace): Promise<void> {
  const startedAt = Date.UTC(2026, 2, 2, 8)
  const at = (minutes: number) => new Date(startedAt + minutes * 60_000).toISOString()
  const runs = ['sweep', 'trial-1', 'trial-2'].map((runId, index) => ({
    ...{ runId, experimentName: 'tuning', status: 'Completed', modifiedAt: at(90) },
    body: {
      displayName: index === 0 ? 'learning rate sweep' : `trial ${index}`,
      ...{ startTimeUtc: at(index * 10), endTimeUtc: at(60 + index * 10) },
      ...(index === 0 ? {} : { parentRunId: 'sweep', rootRunId: 'sweep' }),
    },
  }))
  await workspace.putExperiment({ name: 'tuning', archived: false, tags: {} }, { epoch: 1 })
  await workspace.putRuns('tuning', runs, { epoch: 1 })
  for (const [index, { runId }] of runs.slice(1).entries()) {
    const values = ['loss', 'accuracy'].flatMap((name) =>
      Array.from({ length: 120 }, (_, step) => ({
        ...{ name, schema: 'azureml.v1.scalar', step },
        metricId: `${runId}-${name}-${step}`,
        createdUtc: at(step / 4),
        data: { [name]: curve(name, step, index) },
      })),
    )
    await workspace.writeMetrics(runId, values, { epoch: 1 })
  }
}

function curve(name: string, step: number, trial: number): number {
  const wave = Math.sin(step / 3 + trial) / (step + 8)
  return name === 'loss' ? 0.2 + 2 / (step / 6 + 1) + wave : 0.95 - 0.5 / (step / 8 + 1) + wave
}

/** A protected pair with a controller whose console can be opened: two real regions behind it. */
export interface Story {
  readonly pair: RegionPair
  readonly group: ProtectedPair
  readonly api: ApiClient
  /** Signs a browser in, once; a new one for each browser. */
  consoleLink(): Promise<string>
  end(): Promise<void>
}

/** `more`: what the plan says besides, as YAML; `options`: of the controller. */
export async function beginStory(
  group = 'fraud',
  more = '',
  options: readonly string[] = [],
): Promise<Story> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-console-'))
  const pair = await startRegionPair(folder)
  const protectedPair = await createProtectedPair(pair, group)
  appendFileSync(protectedPair.planFile, more)
  const east = await protectedPair.openEast()
  await writeRunHistory(east)
  await east.close()
  await pair.processes.start('controller', [
    ...['controller', '--plan', protectedPair.planFile, '--state', protectedPair.stateDir],
    ...['--listen', '127.0.0.1:0', '--sync-every', '1s', '--probe-every', '300ms'],
    ...['--exit-with-parent', '--json', ...options],
  ])
  const note = readFileSync(join(protectedPair.stateDir, 'controller.json'), 'utf8')
  const api = createClient(JSON.parse(note))
  return {
    pair,
    group: protectedPair,
    api,
    consoleLink: () => api.consoleLink(),
    end: async () => {
      await protectedPair.stopGateway()
      await pair.processes.stopAll()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
