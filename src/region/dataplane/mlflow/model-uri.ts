import { artifactRoot } from '../artifact-store.ts'
import type { RunRow } from '../run-rows.ts'

const artifactStoreUri =
  /^azureml:\/\/(?:subscriptions\/.+\/workspaces\/[^/]+\/)?datastores\/workspaceartifactstore\/(?:paths\/)?(.+)$/i
const jobOutput = /^azureml:\/\/jobs\/([^/]+)\/outputs\/artifacts\/(?:paths\/)?(.*)$/i

/**
 * The address under which Azure keeps what MLflow calls a model's source: a path of the artifact
 * store. Sources that are no artifacts of the workspace stay as they are.
 */
export function modelUriOf(
  source: string,
  workspaceId: string,
  runOf: (runId: string) => RunRow | undefined,
): string {
  const [, proxied] = /^mlflow-artifacts:(?:\/\/[^/]+)?\/+(.+)$/.exec(source) ?? []
  if (proxied !== undefined) return inArtifactStore(workspaceId, proxied)
  const [, runId, path] = /^runs:\/+([^/]+)\/(.+)$/.exec(source) ?? []
  const run = runId === undefined ? undefined : runOf(runId)
  return run === undefined ? source : inArtifactStore(workspaceId, `${artifactRoot(run)}/${path}`)
}

const inArtifactStore = (workspaceId: string, path: string) => {
  const workspace = workspaceId
    .replace(/^\//, '')
    .replace(/\/providers\/Microsoft\.MachineLearningServices/i, '')
  return `azureml://${workspace}/datastores/workspaceartifactstore/paths/${path}`
}

/** The same place as a plain MLflow client can open it. */
export function sourceOf(modelUri: string): string {
  const [, path] = artifactStoreUri.exec(modelUri) ?? []
  if (path !== undefined) return `mlflow-artifacts:/${path}`
  const [, job, output] = jobOutput.exec(modelUri) ?? []
  if (job !== undefined) return `mlflow-artifacts:/ExperimentRun/dcid.${job}/${output}`
  return modelUri
}
