import { asRecord, asText, type Document } from '../arm/document.ts'
import type { RegionContext } from '../context.ts'
import { batchProperty } from './batch-job.ts'
import { experimentOf, type JobRef } from './job-record.ts'
import { pythonFile, requirePython } from './python-runtime.ts'

const day = 24 * 3600

/** Variables of the agreed job environment; the token is the job's own identity. */
export async function jobEnvironment(
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
    ...(await batchDriver(properties)),
  }
}

/** The driver's place is this machine's, so it is not in the job's document. */
async function batchDriver(properties: Document): Promise<Record<string, string>> {
  if (asRecord(properties.properties)[batchProperty] === undefined) return {}
  return {
    AZUREML_BATCH_PYTHON: await requirePython('A batch deployment'),
    AZUREML_BATCH_DRIVER: pythonFile('batch_scoring.py'),
  }
}
