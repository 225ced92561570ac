import { createWriteStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import { finished } from 'node:stream/promises'
import { asRecord, asText, type Document } from '../arm/document.ts'
import { workspaceStores } from '../arm/workspace-stores.ts'
import { AzureError, type RegionContext } from '../context.ts'
import { FolderUpload, materialise, materialiseFile } from './files.ts'
import { type GuardedProcess, startGuarded } from './guarded-process.ts'
import { experimentOf, type JobRef, jobId, jobProperties, recordStatus } from './job-record.ts'
import { substitute } from './substitute.ts'
import { assetIdOf, defaultOutputUri, resolveUri } from './uris.ts'

/** How often outputs and logs of a running job are copied into the blob store, in milliseconds. */
const uploadEveryMs = 1000
const cancelGraceMs = 5000
const day = 24 * 3600

export interface RunningJob {
  /** Resolves when the job has reached its end state; never rejects. */
  readonly done: Promise<void>
  cancel(): void
}

/**
 * Runs one command job as a process group of this machine: code, inputs and outputs as folders, logs
 * and outputs copied into the blob store while it runs.
 */
export function runCommandJob(region: RegionContext, job: JobRef): RunningJob {
  const cancelled = new AbortController()
  const done = run(region, job, cancelled.signal).catch((error: unknown) => {
    fail(region, job, error)
  })
  return { done, cancel: () => cancelled.abort() }
}

async function run(region: RegionContext, job: JobRef, cancelled: AbortSignal): Promise<void> {
  recordStatus(region, job, { status: 'Preparing' })
  const properties = jobProperties(region, job)
  const root = jobFolder(region, job)
  await rm(root, { recursive: true, force: true })
  const prepared = await prepare(region, job, properties, root)
  if (cancelled.aborted) return end(region, job, { status: 'Canceled' })
  const process = startGuarded(prepared.command, {
    cwd: prepared.cwd,
    env: await environment(region, job, properties, root),
  })
  recordStatus(region, job, { status: 'Running', startTimeUtc: region.clock().toISOString() })
  const outcome = await supervise(process, prepared, properties, cancelled)
  recordStatus(region, job, { status: 'Finalizing' })
  for (const upload of prepared.uploads) await upload.pass(true)
  await rm(joinPath(root, 'code'), { recursive: true, force: true })
  end(region, job, outcome)
}

interface Prepared {
  readonly command: string
  readonly cwd: string
  readonly logFile: string
  readonly uploads: readonly FolderUpload[]
}

async function prepare(
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
    logFile: joinPath(logs, 'user_logs', 'std_log.txt'),
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
  const id = assetIdOf(workspaceId, 'codes', codeId)
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
    const place = resolveUri(
      region,
      job.workspaceId,
      asText(output.uri) ?? defaultOutputUri(job.name, name),
    )
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

/** Variables of the agreed job environment; the token is the job's own identity. */
async function environment(
  region: RegionContext,
  job: JobRef,
  properties: Document,
  root: string,
): Promise<NodeJS.ProcessEnv> {
  const run = asRecord(region.runs.get(job.workspaceId, job.name))
  const [, , subscription = '', , resourceGroup = ''] = job.workspaceId.split('/')
  const own = Object.fromEntries(
    Object.entries(asRecord(properties.environmentVariables)).map(([key, value]) => [
      key,
      String(value ?? ''),
    ]),
  )
  return {
    PATH: process.env.PATH,
    HOME: root,
    LANG: 'C.UTF-8',
    PYTHONUNBUFFERED: '1',
    ...own,
    MLFLOW_TRACKING_URI: `${region.origin}/mlflow/v1.0${job.workspaceId}`,
    MLFLOW_TRACKING_TOKEN: await region.authority.issueForIdentity(
      `job:${job.name}`,
      'https://management.azure.com',
      day,
    ),
    MLFLOW_RUN_ID: job.name,
    MLFLOW_EXPERIMENT_ID: asText(run.experimentId) ?? '',
    MLFLOW_EXPERIMENT_NAME: experimentOf(properties),
    MLFLOW_TRACKING_SERVER_CERT_PATH: region.caPath,
    REQUESTS_CA_BUNDLE: region.caPath,
    SSL_CERT_FILE: region.caPath,
    AZUREML_RUN_ID: job.name,
    AZUREML_ARM_SUBSCRIPTION: subscription,
    AZUREML_ARM_RESOURCEGROUP: resourceGroup,
    AZUREML_ARM_WORKSPACE_NAME: job.workspaceId.split('/').at(-1) ?? '',
    AZUREML_ARM_PROJECT_NAME: experimentOf(properties),
    AZUREML_ROOT_RUN_ID: job.name,
  }
}

interface Outcome {
  readonly status: 'Completed' | 'Failed' | 'Canceled'
  readonly error?: { readonly code: string; readonly message: string }
}

async function supervise(
  process: GuardedProcess,
  prepared: Prepared,
  properties: Document,
  cancelled: AbortSignal,
): Promise<Outcome> {
  const log = createWriteStream(prepared.logFile, { flags: 'a' })
  process.child.stdout?.pipe(log, { end: false })
  process.child.stderr?.pipe(log, { end: false })
  let ended: Outcome | undefined
  const stop = (outcome: Outcome) => {
    ended ??= outcome
    void process.end(cancelGraceMs)
  }
  const onCancel = () => stop({ status: 'Canceled' })
  cancelled.addEventListener('abort', onCancel)
  if (cancelled.aborted) onCancel()
  const timeoutSeconds = secondsOf(asText(asRecord(properties.limits).timeout))
  const timer =
    timeoutSeconds === undefined
      ? undefined
      : setTimeout(
          () =>
            stop({
              status: 'Failed',
              error: {
                code: 'UserError',
                message: `The job ran longer than its limit of ${timeoutSeconds} s.`,
              },
            }),
          timeoutSeconds * 1000,
        )
  const uploading = uploadWhileRunning(process, prepared.uploads)
  const code = await process.exited
  cancelled.removeEventListener('abort', onCancel)
  clearTimeout(timer)
  await uploading
  log.end()
  await finished(log)
  if (ended) return ended
  return code === 0
    ? { status: 'Completed' }
    : {
        status: 'Failed',
        error: {
          code: 'UserError',
          message: `The command ended with exit code ${code}; its output is in user_logs/std_log.txt.`,
        },
      }
}

async function uploadWhileRunning(
  process: GuardedProcess,
  uploads: readonly FolderUpload[],
): Promise<void> {
  const gone = process.exited.then(() => 'gone' as const)
  for (;;) {
    let timer: NodeJS.Timeout | undefined
    const due = new Promise<'due'>((resolve) => {
      timer = setTimeout(() => resolve('due'), uploadEveryMs)
    })
    const next = await Promise.race([gone, due])
    clearTimeout(timer)
    if (next === 'gone') return
    for (const upload of uploads) await upload.pass()
  }
}

function end(region: RegionContext, job: JobRef, outcome: Outcome): void {
  recordStatus(region, job, { ...outcome, endTimeUtc: region.clock().toISOString() })
}

function fail(region: RegionContext, job: JobRef, cause: unknown): void {
  const error =
    cause instanceof AzureError
      ? { code: cause.code, message: cause.message }
      : { code: 'ServiceError', message: cause instanceof Error ? cause.message : String(cause) }
  region.log.error({ job: jobId(job), error: error.message }, 'job failed')
  end(region, job, { status: 'Failed', error })
}

function jobFolder(region: RegionContext, job: JobRef): string {
  const workspace = job.workspaceId.split('/').at(-1)?.toLowerCase() ?? ''
  return joinPath(region.dataDir, 'jobs', workspace, encodeURIComponent(job.name))
}

/** ISO 8601 duration in seconds; undefined when there is none. */
export function secondsOf(duration: string | undefined): number | undefined {
  const match = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?$/.exec(duration ?? '')
  if (!match) return undefined
  const [, days = '0', hours = '0', minutes = '0', seconds = '0'] = match
  return Number(days) * day + Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)
}
