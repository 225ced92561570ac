import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Workspace } from '../../src/workspace/workspace.ts'
import {
  createProtectedPair,
  type ProtectedPair,
  type RegionPair,
  startRegionPair,
} from './protected-pair.ts'

const bind = (what: string) => `$${`{{${what}}}`}`

/** Two steps; the second is endless in the first region. Each start adds a line. */
async function submitPipeline(workspace: Workspace, group: ProtectedPair): Promise<void> {
  const { starts, workspaces } = group
  const environment = `azureml:${workspaces.east}/environments/fraud-python/versions/1`
  const spec = { type: 'command', version: '1', environment }
  const components = {
    prepare: {
      command: `echo "$AZUREML_RUN_ID" >> ${starts}; echo 42 > ${bind('outputs.out')}/t.txt`,
      outputs: { out: { type: 'uri_folder' } },
    },
    fit: {
      command: `case "$AZUREML_RUN_ID" in *-e2_*) echo "$AZUREML_RUN_ID read $(cat ${bind('inputs.from')}/t.txt)" >> ${starts} ;; *) echo "$AZUREML_RUN_ID" >> ${starts}; sleep 900 ;; esac`,
      inputs: { from: { type: 'uri_folder' } },
    },
  }
  for (const [name, more] of Object.entries(components)) {
    const componentSpec = { ...spec, name, ...more }
    const id = { kind: 'component', path: [name, '1'] } as const
    await workspace.putObject(id, { properties: { componentSpec } }, { epoch: 1 })
  }
  const node = (name: string, more = {}) => ({
    type: 'command',
    componentId: `${workspaces.east}/components/${name}/versions/1`,
    computeId: `${workspaces.east}/computes/cpu-cluster`,
    ...more,
  })
  const value = bind('parent.jobs.prepare.outputs.out')
  const jobs = {
    prepare: node('prepare'),
    fit: node('fit', { inputs: { from: { job_input_type: 'literal', value } } }),
  }
  const properties = { jobType: 'Pipeline', experimentName: 'chains', jobs }
  await workspace.submitJob('chain', { properties }, { epoch: 1 })
}

/** Four trials, one at a time; all but the first are endless in the first region. */
async function submitSweep(
  workspace: Workspace,
  { starts, workspaces }: ProtectedPair,
): Promise<void> {
  const properties = {
    ...{ jobType: 'Sweep', experimentName: 'sweeps' },
    computeId: `${workspaces.east}/computes/cpu-cluster`,
    searchSpace: { x: ['uniform', [0, 1]] },
    samplingAlgorithm: { samplingAlgorithmType: 'Random' },
    objective: { primaryMetric: 'loss', goal: 'Minimize' },
    limits: { jobLimitsType: 'Sweep', maxTotalTrials: 4, maxConcurrentTrials: 1 },
    trial: {
      command: `echo "$AZUREML_RUN_ID" >> ${starts}; case "$AZUREML_RUN_ID" in *-e2_*|*_0) ;; *) sleep 900 ;; esac`,
      environmentId: `${workspaces.east}/environments/fraud-python/versions/1`,
    },
  }
  await workspace.submitJob('tune', { properties }, { epoch: 1 })
}

/** An outage in the middle of a pipeline: what was done is not done again. */
describe('a pipeline and a sweep whose region goes down, on real regions', () => {
  let folder: string
  let pair: RegionPair
  let group: ProtectedPair
  const log = () => readFileSync(group.starts, 'utf8').trim().split('\n')

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-pipeline-'))
    pair = await startRegionPair(folder)
    group = await createProtectedPair(pair, 'pipeline')
  }, 120_000)

  afterAll(async () => {
    await group?.stopGateway()
    await pair?.processes.stopAll()
    rmSync(folder, { recursive: true, force: true })
  })

  const holdfast = (command: string, ...more: string[]) =>
    pair.processes.run([
      ...[command, '--json', '--plan', group.planFile, '--state', group.stateDir],
      ...more,
    ])

  it('go on after the steps and trials that had finished (I6)', async () => {
    const east = await group.openEast()
    await submitPipeline(east, group)
    await submitSweep(east, group)
    const statusOf = async (job: string) => {
      const found = await east.getObject({ kind: 'job', path: [job] })
      return (found?.body.properties as { status?: string } | undefined)?.status
    }
    await expect.poll(() => statusOf('chain_prepare'), { timeout: 60_000 }).toBe('Completed')
    await expect.poll(() => log(), { timeout: 60_000 }).toContain('chain_fit')
    await expect.poll(() => log(), { timeout: 60_000 }).toContain('tune_1')
    await east.close()
    const synced = await holdfast('sync')
    expect(synced.code, synced.stderr).toBe(0)
    await pair.processes.kill('east')
    const moved = await holdfast('failover', '--yes')
    expect(moved.code, moved.stderr).toBe(0)
    const { items } = JSON.parse((await holdfast('jobs')).stdout)
    expect(items).toContainEqual(
      expect.objectContaining({
        ...{ job: 'chain', decision: 'resubmit', resubmittedAs: 'chain-e2' },
        reason: 'It goes on after prepare.',
      }),
    )
    expect(items).toContainEqual(
      expect.objectContaining({ job: 'tune', reason: 'It goes on after 1 of 4 trials.' }),
    )
    const west = await group.openWest()
    const end = async (job: string) => {
      const found = await west.getObject({ kind: 'job', path: [job] })
      return (found?.body.properties as { status?: string } | undefined)?.status
    }
    await expect.poll(() => end('chain-e2'), { timeout: 60_000 }).toBe('Completed')
    await expect.poll(() => end('tune-e2'), { timeout: 60_000 }).toBe('Completed')
    await west.close()
    const steps = log().filter((line) => line.startsWith('chain'))
    expect(steps).toEqual(['chain_prepare', 'chain_fit', 'chain-e2_fit read 42'])
    const trials = log().filter((line) => line.startsWith('tune'))
    expect(trials).toEqual(['tune_0', 'tune_1', 'tune-e2_0', 'tune-e2_1', 'tune-e2_2'])
  }, 300_000)
})
