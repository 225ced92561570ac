import { bytesText, countText } from '../text.ts'
import type { DemoRegion, DemoRegions } from './regions.ts'
import { holdfastJson, type Stage, succeeded } from './stage.ts'
import { createWorkspace, scoreOnce, waitForJob } from './workspace-calls.ts'

export const endpointName = 'fraud-scoring'

const pastRuns = 300

interface Imported {
  readonly counts: Readonly<Record<string, number>>
  readonly bytes: number
}

/** Chapter 2: the primary gets what a team has, through interfaces that any user has. */
export async function fillPrimary(stage: Stage, { east, west }: DemoRegions): Promise<void> {
  const { screen } = stage
  for (const region of [east, west]) await createWorkspace(region.client, region.workspaceId)
  screen.good('empty workspaces fraud-east and fraud-west (PUT on each resource manager)')
  const target = ['--workspace', east.workspaceId, '--cloud', east.cloudFile]
  const assets = await holdfastJson<Imported>(stage, 'import', 'sample', ...target)
  screen.good(importedText(assets))
  await holdfastJson(stage, 'import', 'sample/jobs', '--submit-jobs', ...target)
  await makeHistory(stage, east)
  for (const job of ['fraud-train-1', 'fraud-pipeline-1']) {
    screen.good(`job ${job}: ${await waitForJob(stage, east, job, 60_000)}`)
  }
  screen.good(`endpoint ${endpointName} answers ${await scoreOnce(east, endpointName)}`)
}

function importedText({ counts, bytes }: Imported): string {
  const kinds = Object.entries(counts).map(([kind, count]) => countText(count, kind))
  return `${kinds.join(', ')}; ${bytesText(bytes)}`
}

/** The script is the user's own: it knows MLflow and nothing of Holdfast. */
async function makeHistory(stage: Stage, region: DemoRegion): Promise<void> {
  const words = ['python3', 'sample/history/make_history.py', '--runs', String(pastRuns)]
  stage.screen.command(words)
  const env = {
    MLFLOW_TRACKING_URI: `${region.origin}/mlflow/v1.0${region.workspaceId}`,
    MLFLOW_TRACKING_TOKEN: await region.client.token(),
    MLFLOW_TRACKING_SERVER_CERT_PATH: region.caPath,
  }
  stage.screen.progress(`writing ${pastRuns} runs …`)
  succeeded('make_history.py', await stage.processes.runProgram(words, env))
  stage.screen.good(`${pastRuns} past runs with metric series, tags, parents and artifacts`)
}
