import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { Pool } from 'undici'
import { workspaceIdOf } from '../arm/arm-path.ts'
import { asRecord, asText } from '../arm/document.ts'
import { type ArmResource, AzureError, type RegionContext } from '../context.ts'
import { materialise, materialiseFile } from './files.ts'
import { type GuardedProcess, startGuarded } from './guarded-process.ts'
import { fetchCode } from './job-folders.ts'
import { hasModule, pythonFile, requirePython } from './python-runtime.ts'
import { assetIdOf, resolveUri } from './uris.ts'

const startTimeoutMs = 60_000
const keptLogLines = 500

/** One deployment that serves. */
export interface ModelServer {
  readonly pool: Pool
  log(tail: number): string
  /** Resolves when the process is gone, with its exit code. */
  readonly exited: Promise<number>
  stop(): Promise<void>
}

/**
 * Materialises code and model of a deployment and starts its scoring server. Throws AzureError with
 * the end of the log when init() fails: a deployment that cannot serve is not deployed. Status 501
 * means that what serves it is not here (a container image, a registry, the package mlflow): a
 * definition that a local region keeps, and says so when it is scored.
 */
export async function startModelServer(
  region: RegionContext,
  deployment: ArmResource,
): Promise<ModelServer> {
  const properties = asRecord(deployment.body.properties)
  const python = await requirePython('Serving a deployment')
  const workspaceId = workspaceIdOf(deployment.id) ?? ''
  const folder = join(
    region.dataDir,
    'deployments',
    encodeURIComponent(workspaceId.split('/').at(-1) ?? ''),
    ...deployment.id.split('/').slice(-3).map(encodeURIComponent),
  )
  await rm(folder, { recursive: true, force: true })
  const modelFolder = join(folder, 'model')
  const model = asText(properties.model) ?? ''
  const modelId = assetIdOf(region, workspaceId, 'models', model)
  if (/^azureml:\/\/registries\//i.test(modelId))
    throw notServed(deployment, 'its model lies in a registry, which is not this region')
  await fetchModel(region, workspaceId, asText(properties.model), modelFolder).catch((error) => {
    throw hasScript(deployment) ? error : notServed(deployment, String(error.message))
  })
  const [codeFolder, script] = await scoringScript(region, deployment, python, folder)
  // A short path of its own: a Unix socket's name may have 107 characters, a data directory's more.
  const socketFolder = await mkdtemp(join(tmpdir(), 'hf-'))
  const socket = join(socketFolder, 's')
  const own = Object.fromEntries(
    Object.entries(asRecord(properties.environmentVariables)).map(([key, value]) => [
      key,
      String(value ?? ''),
    ]),
  )
  const command = [python, pythonFile('serve.py'), socket, codeFolder, script].map(quoted).join(' ')
  const process = startGuarded(`exec ${command}`, {
    cwd: folder,
    env: {
      PATH: globalThis.process.env.PATH,
      HOME: folder,
      LANG: 'C.UTF-8',
      PYTHONUNBUFFERED: '1',
      ...own,
      AZUREML_MODEL_DIR: modelFolder,
    },
  })
  const log = collectLog(process)
  try {
    await ready(process, log)
  } catch (error) {
    await process.end(1000)
    await rm(socketFolder, { recursive: true, force: true })
    throw error
  }
  const pool = new Pool('http://localhost', { socketPath: socket, connections: 16, pipelining: 1 })
  return {
    pool,
    log: (tail) => log.slice(-tail).join('\n'),
    exited: process.exited,
    async stop() {
      await process.end(2000)
      await pool.destroy()
      await rm(socketFolder, { recursive: true, force: true })
    },
  }
}

const scriptOf = (deployment: ArmResource) =>
  asText(asRecord(asRecord(deployment.body.properties).codeConfiguration).scoringScript)
const hasScript = (deployment: ArmResource) => scriptOf(deployment) !== undefined

const notServed = (deployment: ArmResource, why: string) =>
  new AzureError(
    501,
    'NotImplemented',
    `The deployment '${deployment.name}' is only stored: ${why}.`,
  )

/** The deployment's own script; without one an MLflow model scores itself. */
async function scoringScript(
  region: RegionContext,
  deployment: ArmResource,
  python: string,
  folder: string,
): Promise<[codeFolder: string, script: string]> {
  const { codeId } = asRecord(asRecord(deployment.body.properties).codeConfiguration)
  const script = scriptOf(deployment)
  if (script !== undefined) {
    const codeFolder = join(folder, 'code')
    await fetchCode(region, workspaceIdOf(deployment.id) ?? '', asText(codeId), codeFolder)
    return [codeFolder, script]
  }
  const files = await readdir(join(folder, 'model'), { recursive: true }).catch(() => [])
  if (!files.some((file) => basename(file) === 'MLmodel'))
    throw notServed(deployment, 'it has neither a scoring script nor an MLflow model')
  if (!(await hasModule(python, 'mlflow.pyfunc')))
    throw notServed(
      deployment,
      `an MLflow model is served by the Python package mlflow, which ${python} cannot import; install it with the packages the model needs, or name another Python in HOLDFAST_REGION_PYTHON`,
    )
  return [folder, pythonFile('mlflow_scoring.py')]
}

async function fetchModel(
  region: RegionContext,
  workspaceId: string,
  model: string | undefined,
  folder: string,
): Promise<void> {
  if (model === undefined || model === '') return
  const id = assetIdOf(region, workspaceId, 'models', model)
  const uri =
    asText(asRecord(region.resources.get(id)?.body.properties).modelUri) ??
    (model.startsWith('azureml://') ? model : undefined)
  if (uri === undefined)
    throw new AzureError(400, 'UserError', `The model '${model}' does not exist.`)
  const place = resolveUri(region, workspaceId, uri)
  // As in Azure ML: AZUREML_MODEL_DIR holds the model under its own file or folder name.
  await mkdir(folder, { recursive: true })
  if (await materialiseFile(region.blobs, place, folder)) return
  const count = await materialise(
    region.blobs,
    place,
    join(folder, basename(place.path.replace(/\/$/, ''))),
  )
  if (count === 0)
    throw new AzureError(400, 'UserError', `The model '${model}' has no files at ${uri}.`)
}

function collectLog(process: GuardedProcess): string[] {
  const lines: string[] = []
  if (process.child.stderr) {
    createInterface({ input: process.child.stderr }).on('line', (line) => {
      lines.push(line)
      if (lines.length > keptLogLines) lines.splice(0, lines.length - keptLogLines)
    })
  }
  return lines
}

async function ready(process: GuardedProcess, log: readonly string[]): Promise<void> {
  const stdout = process.child.stdout
  if (!stdout) throw new AzureError(500, 'InternalServerError', 'The scoring server has no output.')
  let timer: NodeJS.Timeout | undefined
  try {
    await Promise.race([
      new Promise<void>((resolve) =>
        createInterface({ input: stdout }).once('line', () => resolve()),
      ),
      process.exited.then((code) => {
        throw new AzureError(
          400,
          'UserError',
          `The scoring script ended with exit code ${code} before it was ready.\n${log.slice(-20).join('\n')}`,
        )
      }),
      new Promise<never>((_, reject) => {
        timer = setTimeout(
          () =>
            reject(
              new AzureError(
                400,
                'UserError',
                `init() did not return within ${startTimeoutMs / 1000} s.`,
              ),
            ),
          startTimeoutMs,
        )
      }),
    ])
  } finally {
    clearTimeout(timer)
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
