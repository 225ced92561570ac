import { mkdir } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import { asRecord, asText, type Document } from '../arm/document.ts'
import { workspaceStores } from '../arm/workspace-stores.ts'
import { AzureError, type RegionContext } from '../context.ts'
import { FolderUpload, materialise, materialiseFile } from './files.ts'
import type { JobRef } from './job-record.ts'
import { substitute } from './substitute.ts'
import { assetIdOf, outputUriOf, resolveUri } from './uris.ts'

/** A job's folders on this machine, ready to run in. */
export interface Prepared {
  readonly command: string
  readonly cwd: string
  /** Folder of the logs, one per process. */
  readonly logs: string
  readonly uploads: readonly FolderUpload[]
}

export async function prepareFolders(
  region: RegionContext,
  job: JobRef,
  properties: Document,
  root: string,
): Promise<Prepared> {
  const cwd = joinPath(root, 'code')
  const logs = joinPath(root, 'run')
  await mkdir(cwd, { recursive: true })
  await mkdir(joinPath(logs, 'user_logs'), { recursive: true })
  await fetchCode(region, job.workspaceId, asText(properties.codeId), cwd)
  const inputs = await bindInputs(
    region,
    job.workspaceId,
    asRecord(properties.inputs),
    joinPath(root, 'inputs'),
  )
  const outputs = await bindOutputs(
    region,
    job,
    asRecord(properties.outputs),
    joinPath(root, 'outputs'),
  )
  const { account } = workspaceStores(region.resources, job.workspaceId)
  const runFiles = new FolderUpload(region.blobs, logs, {
    account,
    container: 'azureml',
    path: `ExperimentRun/dcid.${job.name}/`,
  })
  let command: string
  try {
    command = substitute(asText(properties.command) ?? '', { inputs, outputs: outputs.folders })
  } catch (cause) {
    throw new AzureError(400, 'UserError', cause instanceof Error ? cause.message : String(cause))
  }
  return {
    command,
    cwd,
    logs: joinPath(logs, 'user_logs'),
    uploads: [...outputs.uploads, runFiles],
  }
}

/** The snapshot behind a code version; a job without code starts in an empty folder. */
export async function fetchCode(
  region: RegionContext,
  workspaceId: string,
  codeId: string | undefined,
  folder: string,
): Promise<void> {
  if (codeId === undefined || codeId === '') return
  const id = assetIdOf(region, workspaceId, 'codes', codeId)
  const uri = asText(asRecord(region.resources.get(id)?.body.properties).codeUri)
  if (uri === undefined)
    throw new AzureError(400, 'UserError', `The code '${codeId}' does not exist.`)
  await materialise(region.blobs, resolveUri(region, workspaceId, uri), folder)
}

async function bindInputs(
  region: RegionContext,
  workspaceId: string,
  inputs: Document,
  folder: string,
): Promise<Record<string, string | undefined>> {
  const bound: Record<string, string | undefined> = {}
  for (const [name, value] of Object.entries(inputs)) {
    const input = asRecord(value)
    const uri = asText(input.uri)
    bound[name] =
      uri === undefined
        ? input.value === undefined || input.value === null || input.value === ''
          ? undefined
          : String(input.value)
        : await fetchInput(region, workspaceId, uri, joinPath(folder, name))
  }
  return bound
}

async function fetchInput(
  region: RegionContext,
  workspaceId: string,
  uri: string,
  folder: string,
): Promise<string> {
  const place = resolveUri(region, workspaceId, uri)
  await mkdir(folder, { recursive: true })
  const file = await materialiseFile(region.blobs, place, folder)
  if (file !== undefined) return file
  const count = await materialise(region.blobs, place, folder)
  if (count === 0) throw new AzureError(400, 'UserError', `There is nothing at the input '${uri}'.`)
  return folder
}

async function bindOutputs(
  region: RegionContext,
  job: JobRef,
  outputs: Document,
  folder: string,
): Promise<{ folders: Record<string, string>; uploads: FolderUpload[] }> {
  const folders: Record<string, string> = {}
  const uploads: FolderUpload[] = []
  // Every job has a `default` output in Azure as well; code may write to ./outputs without declaring it.
  for (const [name, value] of Object.entries(outputs)) {
    const output = asRecord(value)
    const place = resolveUri(region, job.workspaceId, outputUriOf(output, job.name, name))
    const local = joinPath(folder, name)
    await mkdir(local, { recursive: true })
    // A mounted output shows what is there already: that is how a resumed job finds its checkpoints.
    if (output.mode !== 'Direct') await materialise(region.blobs, place, local)
    const upload = new FolderUpload(region.blobs, local, place)
    await upload.adopt()
    folders[name] = output.jobOutputType === 'uri_file' ? joinPath(local, name) : local
    uploads.push(upload)
  }
  return { folders, uploads }
}
