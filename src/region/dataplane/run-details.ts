import type { Document } from '../arm/document.ts'
import { type ArtifactStore, artifactRoot } from './artifact-store.ts'
import type { RunRow } from './run-rows.ts'

const logFolders = ['user_logs', 'system_logs', 'logs', 'azureml-logs']

/** What `…/details` adds to a run; `logFiles` are addresses of its logs by path, for clients to stream. */
export function runDetails(run: Document, artifacts: ArtifactStore, row: RunRow): Document {
  const root = artifactRoot(row)
  const files = logFolders.flatMap((folder) => artifacts.files(`${root}/${folder}`))
  const logFiles = Object.fromEntries(
    files.map(({ name }) => [name.slice(root.length + 1), artifacts.address(name, 'r')]),
  )
  return { ...run, createdTimeUtc: run.createdUtc, logFiles, jobCost: null }
}
